"""This will show that what the code offers is documented, and that what documents name is there."""

from __future__ import annotations

import ast
import re

from cloudstack_simulator import Simulator
from cloudstack_simulator.faults import Fault
from failover_project.api.error_codes import ERROR_CODES
from failover_project.api.errors_document import errors_document
from jobs.commands import COMMANDS
from jobs.models import JobStatus, Phase
from jobs.verification.findings import Drift, Finding
from tests.house.tree import APPS, ROOT, code_files, document, parsed
from tests.support.inventory_of import ScenarioInventory
from tests.support.service import Service
from validation.checks import CHECKS
from validation.models import CheckType

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").rglob("*.md"))])


def test_every_make_target_has_a_line_of_help_and_is_in_the_table_for_contributors() -> None:
    makefile = document("Makefile")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    targets = set(phony[1].split())
    helped = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    in_table = set(re.findall(r"^\| `make ([a-z-]+)` \|", document("CONTRIBUTING.md"), re.MULTILINE))
    assert targets == helped == in_table


def test_every_make_target_that_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", document("Makefile"), re.MULTILINE))
    named = {
        target
        for path in DOCUMENTS
        for target in re.findall(r"(?:`|^ {4})make ([a-z-]+)\b", path.read_text(), re.MULTILINE)
    }
    assert named <= targets, named - targets


def test_every_setting_is_in_the_table_of_settings_and_nothing_else_is() -> None:
    read = set(re.findall(r'\benv\.\w+\("([A-Z_]+)"', document("failover_project/settings.py")))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", document("docs/settings.md"), re.MULTILINE))
    assert read == documented


def test_only_the_settings_read_the_environment() -> None:
    allowed = {
        "failover_project/environment.py",
        # `{env: NAME}` in an inventory file is the environment of the command that imports it.
        "inventory/intake/indirection.py",
        "inventory/services.py",
    }
    readers = {
        str(path.relative_to(ROOT))
        for path in code_files()
        if re.search(r"\bos\.(environ\b(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE)|getenv)", path.read_text())
    }
    demo = {name for name in readers if name.startswith("debugtools/demo/")}
    # The demo hands its own environment on to the processes that it starts.
    assert readers - demo <= allowed, readers - demo - allowed


def test_the_document_of_errors_is_made_from_the_table() -> None:
    # To be made again by `manage.py describe_errors > docs/errors.md`.
    assert document("docs/errors.md") == errors_document()


def test_every_error_code_that_the_code_names_is_in_the_table() -> None:
    pattern = re.compile(r"""(?:error_code(?:: ClassVar\[str\])? = |\bcode=)"([A-Z_]+)\"""")
    named = {code for path in code_files() for code in pattern.findall(path.read_text())}
    assert named <= set(ERROR_CODES), named - set(ERROR_CODES)


def test_every_check_is_in_the_runbook_with_what_it_blocks_in_the_order_shown() -> None:
    rows = re.findall(r"^\| `([A-Z][A-Za-z ]+)` \| (yes|no) \| (yes|) ?\|", document("docs/runbook.md"), re.MULTILINE)
    wanted = [
        (check.name, "yes" if check.check_type == CheckType.CRITICAL else "no", "yes" if check.safety else "")
        for check in CHECKS
    ]
    assert rows == wanted


def test_every_command_is_in_the_glossary() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| `([A-Za-z]+)` \|", document("docs/glossary.md"), re.MULTILINE)
    assert sorted(rows) == sorted((command.name, command.__name__) for command in COMMANDS)


def test_every_kind_of_question_has_its_section_in_the_runbook() -> None:
    calls = [
        node
        for path in code_files()
        if path.is_relative_to(ROOT / "jobs")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"ask", "questions.ask"}
    ]
    kinds = {ast.literal_eval(keyword.value) for call in calls for keyword in call.keywords if keyword.arg == "kind"}
    sections = re.findall(r"^### `([a-z_]+)`$", document("docs/runbook.md"), re.MULTILINE)
    assert sorted(sections) == sorted(kinds)


def test_every_choice_that_a_question_offers_is_explained() -> None:
    verbs = re.search(r"answer: Literal\[(.*)\]", document("jobs/engine/contracts.py"))
    assert verbs is not None
    runbook = document("docs/runbook.md")
    for verb in re.findall(r'"([a-z_]+)"', verbs[1]):
        assert re.search(rf"^\| `{verb}` \|", runbook, re.MULTILINE), verb


def test_every_phase_is_a_status_and_in_the_glossary() -> None:
    assert set(Phase.values) <= set(JobStatus.values)
    glossary = document("docs/glossary.md")
    assert [phase for phase in Phase.values if f"`{phase}`" not in glossary] == []


def test_every_app_is_on_the_code_map() -> None:
    architecture = document("ARCHITECTURE.md")
    assert [app for app in (*APPS, "tests") if f"**`{app}/`**" not in architecture] == []
    assert len(architecture.splitlines()) < 200


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{path.name}: {target}"
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_file_that_a_document_names_exists() -> None:
    missing = [
        f"{path.name}: {name}"
        for path in DOCUMENTS
        for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|jsonl|lock))`", path.read_text())
        if not any((place / name).exists() for place in (ROOT, path.parent, ROOT / "jobs"))
        and not name.startswith("var/")
    ]
    assert missing == []


def test_decisions_are_numbered_without_gaps_and_say_their_status() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {int(record.name[:4])}. "), record.name
        assert "**Status:**" in text, record.name


def test_the_story_told_to_contributors_is_true(
    service: Service, simulator: Simulator, world_rows: ScenarioInventory
) -> None:
    # STORY
    simulator.faults.add(Fault("deployVirtualMachine", "lost_answer"))
    job = service.start_live(world_rows.vms["one"].vm_id)
    service.run()
    assert [vm.state for vm in simulator.vms() if job.marker in vm.name] == ["Running"]
    # END OF STORY
    told = re.search(r"# STORY\n(.*?)\n +# END", (ROOT / "tests/house/test_documents.py").read_text(), re.DOTALL)
    assert told is not None
    guide = document("CONTRIBUTING.md")
    assert [line for line in told[1].splitlines() if line.strip() not in guide] == []


def test_every_kind_of_drift_is_in_the_runbook_with_its_weight() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (alarm|warning|note) \|", document("docs/runbook.md"), re.MULTILINE)
    assert dict(rows) == {drift.value: Finding(drift, "", "", "", "").weight.value for drift in Drift}
