"""A stranger drives the system from Swagger alone: authorizes, tries a start out, and nothing leaves the machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from cloudstack_simulator import Simulator
from tests.processes.ground import SOURCE_NETWORK, Ground, installation
from tests.support.servers import browser_program

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.slow]

PATIENCE_MS = 30_000
TEST_NETWORK = "OSSEA-TEST-L2"
# How the browser says that the page's own policy kept a request from being sent.
REFUSED_BY_POLICY = "csp"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Run the service on a cloud with one VM whose network is mapped for tests too."""
    with installation(tmp_path_factory.mktemp("ground"), machines=1, job_seconds=0.2) as made:
        networks = json.loads(Simulator.scenario("fleet:1").call("listNetworks").body)["listnetworksresponse"][
            "network"
        ]
        mapping = {
            "vm_id": made.vm_ids[0],
            "source_network_name": SOURCE_NETWORK,
            "destination_network_id": next(row["id"] for row in networks if row["name"] == TEST_NETWORK),
            "is_test_network": True,
        }
        made.post("network-mappings", mapping).raise_for_status()
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Debian's browser; as root it runs without its sandbox."""
    # Playwright's loop would make the ORM refuse to work in this thread; nothing here uses the ORM.
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_program(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Page:
    """Give an empty page."""
    made = browser.new_page(viewport={"width": 1400, "height": 1200})
    made.set_default_timeout(PATIENCE_MS)
    return made


def _hosts_asked(page: Page) -> dict[Request, str | None]:
    """Note the host of every request that left the browser, answered or not."""
    asked: dict[Request, str | None] = {}

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            asked[request] = urlsplit(request.url).hostname

    def forget_what_the_policy_refused(request: Request) -> None:
        if request.failure == REFUSED_BY_POLICY:
            asked.pop(request, None)

    page.on("request", note)
    page.on("requestfailed", forget_what_the_policy_refused)
    return asked


def _shot(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look: SCREENSHOTS names the folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_try_it_out_in_swagger_starts_a_test_failover(ground: Ground, page: Page) -> None:
    hosts = _hosts_asked(page)
    page.goto(f"{ground.service.address()}/swagger/index.html")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(ground.token)
    page.locator(".auth-btn-wrapper button[type=submit]").click()
    page.get_by_role("button", name="Close").click()

    operation = page.locator("#operations-failover-start_test_failover")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    body = {"vm_id": ground.vm_ids[0], "test_duration": "30m", "auto_cleanup": True}
    operation.locator("textarea.body-param__text").fill(json.dumps(body))
    operation.get_by_role("button", name="Execute").click()
    status = operation.locator(".live-responses-table .response-col_status").last
    status.wait_for()
    _shot(page, "swagger")

    assert status.inner_text().startswith("200"), operation.locator(".live-responses-table").inner_text()
    assert [job.job_id.startswith("test-failover-") for job in ground.journal.jobs()] == [True]
    assert set(hosts.values()) == {"127.0.0.1"}


def test_redoc_shows_the_whole_description_without_the_internet(ground: Ground, page: Page) -> None:
    hosts = _hosts_asked(page)
    page.goto(f"{ground.service.address()}/redoc/")
    page.get_by_role("heading", name="Start a test failover").first.wait_for()
    _shot(page, "redoc")

    assert set(hosts.values()) == {"127.0.0.1"}
