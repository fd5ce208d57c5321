"""deploy/helm: the chart as far as it can be judged by reading it, and by Helm itself where there is one.

What is read here is each template without its directives: of a value only whether it exists.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from server.config import SETTINGS
from tests.cli.commands import omnibus

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "omnibus"
TEMPLATES = sorted((CHART / "templates").glob("*"))
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
HELM = shutil.which("helm")
_ACTION = re.compile(r"{{-?\s*(.*?)\s*-?}}", re.DOTALL)
_OPENING = ("if ", "with ", "range ", "define ")


def skeletons() -> dict[str, dict[str, Any]]:
    """Return each object of the chart by kind and name, with `x` for what is filled in."""
    found = {}
    for template in TEMPLATES:
        if template.suffix != ".yaml":
            continue
        text = re.sub(r"^\s*{{-.*}}\s*$", "", template.read_text(), flags=re.MULTILINE)
        for document in yaml.safe_load_all(_ACTION.sub("x", text)):
            found[f"{document['kind']} {document['metadata']['name']}"] = document
    return found


OBJECTS = skeletons()
PODS = {
    name: each["spec"]["template"]["spec"]
    for name, each in OBJECTS.items()
    if "template" in each.get("spec", {})
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_what_a_template_asks_for_is_there_and_what_it_opens_it_closes(template: Path) -> None:
    actions = _ACTION.findall(template.read_text())
    for action in actions:
        for path in re.findall(r"\.Values\.([\w.]+)", action):
            place: Any = VALUES
            for name in path.split("."):
                assert name in place, f".Values.{path}"
                place = place[name]
    defined = "".join(path.read_text() for path in TEMPLATES)
    for name in re.findall(r'include "([\w.]+)"', "\n".join(actions)):
        assert f'define "{name}"' in defined
    assert sum(action.startswith(_OPENING) for action in actions) == actions.count("end")


def test_values_are_what_their_schema_wants_and_it_wants_something() -> None:
    judge = jsonschema_rs.validator_for(SCHEMA)
    assert judge.is_valid(VALUES), [str(error) for error in judge.iter_errors(VALUES)]
    assert not judge.is_valid({**VALUES, "image": {"repository": "omnibus", "tag": "latest"}})
    assert not judge.is_valid({**VALUES, "api": {**VALUES["api"], "minReplicas": 1}})
    assert not judge.is_valid({**VALUES, "colour": {}})
    assert VALUES["settings"].keys() <= {setting.variable for setting in SETTINGS}


def test_everything_that_was_wanted_is_in_it() -> None:
    kinds = {name.split()[0] for name in OBJECTS}
    assert kinds == {
        *("ConfigMap", "Deployment", "Service", "Job"),
        *("PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"),
    }
    hook = OBJECTS["Job x-migrate"]["metadata"]["annotations"]["helm.sh/hook"]
    assert hook == "pre-install,pre-upgrade"
    (metric,) = OBJECTS["HorizontalPodAutoscaler x-api"]["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "omnibus_live_connections"


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_a_command_of_ours_with_no_more_rights_than_it_needs(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert omnibus(*container["args"], "--help").code == 0
    text = "".join(path.read_text() for path in TEMPLATES)
    assert text.count('include "omnibus.podSecurity"') == len(PODS)
    assert text.count('include "omnibus.containerSecurity"') == len(PODS)


def test_a_pod_that_leaves_has_time_for_it_and_one_that_is_not_ready_gets_nothing() -> None:
    pod = PODS["Deployment x-api"]
    (container,) = pod["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["lifecycle"]["preStop"]["exec"]["command"][0] == "sleep"
    most = SCHEMA["properties"]["api"]["properties"]["drainSeconds"]["maximum"]
    assert pod["terminationGracePeriodSeconds"] >= most + 10
    rolling = OBJECTS["Deployment x-api"]["spec"]["strategy"]["rollingUpdate"]
    assert rolling["maxUnavailable"] == 0


@pytest.mark.skipif(HELM is None, reason="needs Helm, to let it judge its chart")
@pytest.mark.parametrize("command", [("lint", "--strict"), ("template", "omnibus")])
def test_helm_takes_the_chart(command: tuple[str, ...]) -> None:
    ran = subprocess.run(  # noqa: S603 - Helm's own check
        [str(HELM), *command, str(CHART)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
