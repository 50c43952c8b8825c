"""Each page of the operators, for the tests that go to all of them."""

# Address, and the file's name of its picture; "" where none is taken.
PAGES = (
    ("/ops", "ops-home"),
    ("/ops?span=week", ""),
    ("/ops/alerts", "ops-alerts"),
    ("/ops/pauses", ""),
    ("/ops/setup", "ops-setup"),
    ("/ops/setup/go-live", ""),
    ("/ops/nothing-here", ""),
)
