"""Walk through the operators' pages as a curious person does: each link, each form, each button.

What a page offers is found in the page itself, so one that is added later is walked through too.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

Fields = dict[str, str]
HOME = "/ops"
# Of one kind of page, or of one button, so many: a list has hundreds of rows.
MOST = {"GET": 3, "POST": 6}
LEFT_OUT = ("/ops/sign-out", "/ops/static/")


@dataclass
class Form:
    """A form as it is served, filled in with what it comes with."""

    method: str
    action: str
    fields: Fields = field(default_factory=dict)
    open: list[tuple[str, str]] = field(default_factory=list)  # what a person types: name, type


@dataclass
class Element:
    """A tag with its attributes."""

    tag: str
    attributes: dict[str, str]


class Seen(HTMLParser):
    """What a page holds: elements, links, forms, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.text = ""
        self._form: Form | None = None
        self._select = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, told))
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if "hx-get" in told:
            self.links.append(told["hx-get"])
        if tag == "form":
            action = told.get("action") or told.get("hx-post", "")
            self._form = Form(told.get("method", "get").lower(), action)
            self.forms.append(self._form)
        elif "hx-post" in told:
            self.forms.append(Form("post", told["hx-post"]))
        if self._form is not None:
            self._field(self._form, tag, told)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def _field(self, form: Form, tag: str, told: Mapping[str, str]) -> None:
        name, kind = told.get("name", ""), told.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            # What asks to be chosen from begins with nothing, and a person chooses something.
            if not form.fields.get(self._select) or "selected" in told:
                form.fields[self._select] = told.get("value", "")
        elif tag == "textarea" and name:
            form.open.append((name, "textarea"))
        elif tag in {"input", "button"} and name:
            self._input(form, tag, name, kind, told)

    def _input(self, form: Form, tag: str, name: str, kind: str, told: Mapping[str, str]) -> None:
        if kind in {"radio", "checkbox"}:
            if "checked" in told or name not in form.fields:
                form.fields[name] = told.get("value", "on")
        elif kind == "hidden" or tag == "button":
            form.fields[name] = told.get("value", "")
        else:
            form.open.append((name, kind))


@dataclass
class Answered:
    """One answer, and what was asked."""

    method: str
    address: str
    route: str  # the rule's pattern; "" for none
    answer: Any  # a test client's, or `Told`

    @property
    def text(self) -> str:
        return str(self.answer.get_data(as_text=True))

    @property
    def is_page(self) -> bool:
        return bool(self.answer.mimetype == "text/html")


@dataclass
class Told:
    """An answer of a service that runs, by the names that a test client's answer has."""

    status_code: int
    headers: Mapping[str, str]
    body: str

    @property
    def mimetype(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    def get_data(self, as_text: bool = True) -> str:
        assert as_text
        return self.body


class Browser:
    """Somebody's browser at a service that runs; it keeps cookies and follows nothing by itself."""

    def __init__(self, base: str, session: requests.Session) -> None:
        self._base = base
        self._session = session

    def open(self, address: str, method: str = "GET", **more: Any) -> Told:
        """Ask for an address of that service."""
        answer = self._session.request(
            method, self._base + address, timeout=60, allow_redirects=False, **more
        )
        return Told(answer.status_code, answer.headers, answer.text)


class Crawl:
    """Goes through all that `browser`, who is signed in, can reach; `types` fills an open field."""

    def __init__(self, browser: Any, types: Callable[[str, str], str]) -> None:
        """`browser` is a FlaskClient, or a `Browser` of a service that runs."""
        self.answered: list[Answered] = []
        self._browser = browser
        self._types = types
        self._known: set[Any] = set()
        self._count: Counter[tuple[str, str]] = Counter()
        self._waiting: list[str] = []
        self._forms: list[tuple[str, Form]] = []

    @property
    def routes(self) -> set[tuple[str, str]]:
        """What was reached: method and route."""
        return {(one.method, one.route) for one in self.answered}

    def walk(self, *starts: str) -> None:
        """Look at every page first, then press every button, then look at what came of it."""
        self._waiting += starts
        self._look_around()
        while self._forms:
            page, form = self._forms.pop(0)
            self._press(page, form)
            self._look_around()
        self._known.clear()
        self._count.clear()
        self._waiting += starts
        self._look_around()
        self._forms.clear()

    def _look_around(self) -> None:
        while self._waiting:
            address = self._waiting.pop(0)
            if self._may("GET", address, ()):
                self._take(self._ask("GET", address))

    def _press(self, page: str, form: Form) -> None:
        action = urljoin(page, form.action)
        typed = {name: self._types(name, kind) for name, kind in form.open}
        told = {**form.fields, **typed}
        shape = tuple(sorted(set(told.items()) - {("csrf_token", told.get("csrf_token"))}))
        if form.method == "get":
            address = f"{urlsplit(action).path}?" + "&".join(
                f"{name}={value}" for name, value in told.items() if value.isalnum()
            )
            if self._may("GET", address, ()):
                self._take(self._ask("GET", address))
        elif self._may("POST", action, shape):
            # As a page's part, then as a whole page.
            self._take(self._ask("POST", action, data=told, headers={"HX-Request": "true"}))
            self._take(self._ask("POST", action, data=told))

    def _may(self, method: str, address: str, shape: Any) -> bool:
        parts = urlsplit(address)
        if parts.netloc or not parts.path.startswith(HOME) or parts.path.startswith(LEFT_OUT):
            return False
        key = (method, address, shape)
        kind = (method, self._route(method, parts.path))
        if key in self._known or self._count[kind] >= MOST[method]:
            return False
        self._known.add(key)
        self._count[kind] += 1
        return True

    def _route(self, method: str, path: str) -> str:
        if isinstance(self._browser, Browser):
            return re.sub(r"[0-9]+", "N", path)
        adapter = self._browser.application.url_map.bind("localhost")
        if not adapter.test(path, method):
            return ""
        rule, _ = adapter.match(path, method, return_rule=True)
        return str(rule.rule)

    def _ask(self, method: str, address: str, **more: Any) -> Answered:
        answer = self._browser.open(address, method=method, **more)
        route = self._route(method, urlsplit(address).path)
        found = Answered(method, address, route, answer)
        self.answered.append(found)
        return found

    def _take(self, found: Answered) -> None:
        """Note what an answer offers."""
        led = found.answer.headers.get("Location") or found.answer.headers.get("HX-Redirect", "")
        if led:
            self._waiting.append(urljoin(found.address, led))
        if not found.is_page:
            return
        page = Seen(found.text)
        self._waiting += [urljoin(found.address, link) for link in page.links]
        self._forms += [(found.address, form) for form in page.forms]
