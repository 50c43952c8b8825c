"""Each page of the operators, for the tests that go to all of them."""

# Address, and the file's name of its picture; "" where none is taken.
PAGES = (
    ("/ops", "ops-home"),
    ("/ops?span=week", ""),
    ("/ops/mapping", ""),
    ("/ops/mapping/form", ""),
    ("/ops/mapping/text", ""),
    ("/ops/alerts", "ops-alerts"),
    ("/ops/pauses", ""),
    ("/ops/diff", ""),
    ("/ops/diff?cause=missing_in_oncall", ""),
    ("/ops/setup", "ops-setup"),
    ("/ops/setup/go-live", ""),
    ("/ops/timeline", ""),
    ("/ops/timeline/appointment/70301", "ops-timeline"),
    ("/ops/deliveries", ""),
    ("/ops/calls", "ops-calls"),
    ("/ops/conflicts?about=5601", ""),
    ("/ops/audit", "ops-audit"),
    ("/ops/nothing-here", ""),
    ("/ops/waiting", "ops-waiting"),
    ("/ops/waiting?cause=overlap&find=none-such-1", ""),
    ("/ops/waiting/1", "ops-waiting-one"),  # the items of `conftest._waiting`
    ("/ops/waiting/2", ""),
    ("/ops/waiting/4", ""),
    ("/ops/import", "ops-import"),
    ("/ops/import/1", "ops-import-columns"),  # the batches of `conftest._brought`
    ("/ops/import/3", ""),
    ("/ops/import/3?which=question", "ops-import-plan"),
    ("/ops/import/3/start", ""),
    ("/ops/import/4", ""),
    ("/ops/backfill", ""),
    ("/ops/backfill/6", ""),
)
