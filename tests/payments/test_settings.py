"""Setting providers up: what is refused at the start, what is offered then, and what `omnibus doctor` says of keys."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.cli.checks import Verdict
from server.cli.payment_checks import judge_mode, look_at_providers
from server.config import ConfigError, Settings, as_environment, load
from server.payments.outside import close_providers, providers
from tests.cli.commands import ROOT, omnibus
from tests.payments.tills import RazorpayTill, StripeTill, Till
from tests.support.provider_way import Fault

STRIPE = {
    "OMNIBUS_STRIPE_SECRET_KEY": StripeTill.keys.secret_key,
    "OMNIBUS_STRIPE_PUBLISHABLE_KEY": StripeTill.keys.publishable_key,
    "OMNIBUS_STRIPE_WEBHOOK_SECRETS": ",".join(StripeTill.keys.webhook_secrets),
}
RAZORPAY = {
    "OMNIBUS_RAZORPAY_KEY_ID": RazorpayTill.keys.key_id,
    "OMNIBUS_RAZORPAY_KEY_SECRET": RazorpayTill.keys.key_secret,
    "OMNIBUS_RAZORPAY_WEBHOOK_SECRETS": ",".join(RazorpayTill.keys.webhook_secrets),
}


def settings_of(till: Till) -> dict[str, str]:
    """Return what makes a process use a till's provider."""
    name = till.provider.method.upper()
    given = {"STRIPE": STRIPE, "RAZORPAY": RAZORPAY}[name]
    return {**given, f"OMNIBUS_{name}_API_BASE": till.way.url}


@pytest.mark.parametrize(
    ("given", "methods"),
    [
        ({}, ("demo", "cash")),
        (STRIPE, ("cash", "stripe")),
        (RAZORPAY, ("cash", "razorpay")),
        ({**STRIPE, **RAZORPAY}, ("cash", "stripe", "razorpay")),
        ({**STRIPE, "OMNIBUS_DEMO": "on"}, ("demo", "cash", "stripe")),
    ],
)
def test_what_is_offered_is_what_is_set_up(given: dict[str, str], methods: tuple[str, ...]) -> None:
    assert load(given).payment_methods == methods


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"STRIPE_SECRET_KEY": "pk_test_51Published0"}, "STRIPE_SECRET_KEY must look like"),
        ({"STRIPE_SECRET_KEY": "sk_test_no-dashes-1"}, "STRIPE_SECRET_KEY must look like"),
        ({"STRIPE_PUBLISHABLE_KEY": "sk_test_51Secret00"}, "PUBLISHABLE_KEY must look like"),
        ({"STRIPE_PUBLISHABLE_KEY": "pk_live_51Published0"}, "is of another mode"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_1234567,whsec_1234567,whsec_1234567"}, "or two"),
        ({"STRIPE_WEBHOOK_SECRETS": "short"}, "8 characters"),
        ({"STRIPE_WEBHOOK_SECRETS": ","}, "must be one secret"),
        ({"STRIPE_WEBHOOK_SECRETS": ""}, "STRIPE_WEBHOOK_SECRETS is needed beside"),
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY is needed beside"),
        ({"RAZORPAY_KEY_ID": ""}, "RAZORPAY_KEY_ID is needed beside"),
        ({"RAZORPAY_KEY_SECRET": ""}, "RAZORPAY_KEY_SECRET is needed beside"),
        ({"RAZORPAY_KEY_ID": "sk_test_51Secret00"}, "RAZORPAY_KEY_ID must look like"),
        ({"STRIPE_API_BASE": "http://api.stripe.com"}, "must be https"),
        ({"STRIPE_API_BASE": "http://127.0.0.1.example.com"}, "must be https"),
        ({"STRIPE_API_BASE": "ftp://127.0.0.1"}, "must be https"),
        ({"STRIPE_API_BASE": "https://api.stripe.com/v1"}, "must be an address"),
        ({"STRIPE_API_BASE": "https://key@api.stripe.com"}, "must be an address"),
        ({"RAZORPAY_API_BASE": "http://10.0.0.1:8080"}, "must be https"),
        ({"STRIPE_SECRET_KEY": "sk_live_51Secret00", "DEMO": "on"}, "is a live key: a demo"),
        ({"RAZORPAY_KEY_ID": "rzp_live_1DP5mmOl", "DEMO": "on"}, "is a live key: a demo"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_not_repeated(
    given: dict[str, str], fault: str
) -> None:
    changed = {f"OMNIBUS_{name}": value for name, value in given.items()}
    with pytest.raises(ConfigError, match=fault) as error:
        load({**STRIPE, **RAZORPAY, **changed})
    secret = {"OMNIBUS_STRIPE_SECRET_KEY", "OMNIBUS_STRIPE_WEBHOOK_SECRETS"} & changed.keys()
    assert not any(changed[name] in str(error.value) for name in secret if len(changed[name]) > 1)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8420", "http://localhost:1", "http://[::1]:80", "https://a.example/"],
)
def test_tests_may_go_to_this_machine_without_tls(address: str) -> None:
    assert load({"OMNIBUS_STRIPE_API_BASE": address}).stripe_api_base == address.rstrip("/")


def test_a_wrong_key_is_one_fault_and_not_missing_besides() -> None:
    with pytest.raises(ConfigError) as error:
        load({**STRIPE, "OMNIBUS_STRIPE_SECRET_KEY": "nonsense"})
    assert len(str(error.value).splitlines()) == 2


def test_secrets_come_from_files_too_and_are_never_shown(tmp_path: Path) -> None:
    files = {}
    for name, value in {**STRIPE, **RAZORPAY}.items():
        path = tmp_path / name
        path.write_text(f"{value}\n")
        files[f"{name}_FILE"] = str(path)
    settings = load(files)
    assert settings == load({**STRIPE, **RAZORPAY})
    assert load(as_environment(settings)) == settings
    for secret in (*StripeTill.secrets, *RazorpayTill.secrets):
        assert secret not in repr(settings)


async def test_each_provider_that_is_set_up_stands_behind_a_breaker_of_its_own(till: Till) -> None:
    found = providers(load(settings_of(till)))
    assert list(found) == [till.provider.method]
    begun = await found[till.provider.method].begin(till.due())
    assert (await till.provider.look(begun.provider_ref)).amount == 1990
    await close_providers(found)


async def test_without_keys_there_is_no_provider_and_others_are_guarded_all_the_same(
    till: Till,
) -> None:
    assert providers(Settings()) == {}
    assert list(providers(Settings(), [till.provider])) == [till.provider.method]


def test_an_sdk_is_imported_only_where_its_method_is_set_up() -> None:
    program = (
        "import sys, server.app, server.serve, server.payments.outside as outside\n"
        "from server.config import load\n"
        "outside.providers(load())\n"
        "sdks = {'stripe', 'razorpay', 'urllib3', 'requests'} & set(sys.modules)\n"
        "sys.exit(repr(sdks) if sdks else 0)"
    )
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


async def test_the_doctor_asks_providers_whether_they_take_the_keys(till: Till) -> None:
    given = settings_of(till)
    (taken,) = await look_at_providers(load({**given, "OMNIBUS_DEMO": "on"}))
    assert (taken.name, taken.verdict, taken.advice) == (till.provider.method, Verdict.OK, "")
    (tests_only,) = await look_at_providers(load(given))
    assert tests_only.verdict is Verdict.WARN
    till.way.arm(Fault.UNAVAILABLE_503)
    (down,) = await look_at_providers(load(given))
    assert (down.verdict, "503" in down.detail) == (Verdict.WARN, True)
    wrong = {
        f"OMNIBUS_{till.provider.method.upper()}_{name.upper()}": value
        for name, value in till.wrong_key.items()
    }
    (refused,) = await look_at_providers(load({**given, **wrong}))
    assert (refused.verdict, bool(refused.advice)) == (Verdict.FAIL, True)


def test_live_keys_are_well_and_keys_for_tests_only_in_a_demo() -> None:
    assert judge_mode("stripe", is_live=True, is_demo=False).verdict is Verdict.OK
    assert judge_mode("stripe", is_live=False, is_demo=True).verdict is Verdict.OK
    assert judge_mode("stripe", is_live=False, is_demo=False).verdict is Verdict.WARN


async def test_the_doctor_prints_no_key(stripe_till: StripeTill, tmp_path: Path) -> None:
    given = {
        name.removeprefix("OMNIBUS_"): value for name, value in settings_of(stripe_till).items()
    }
    wrong = {"STRIPE_SECRET_KEY": stripe_till.wrong_key["secret_key"]}
    port = stripe_till.way.port_behind  # the process that waits for the doctor cannot be its way
    base: dict[str, Any] = {"STRIPE_API_BASE": f"http://127.0.0.1:{port}", "DATA_DIR": tmp_path}
    ran = omnibus("doctor", **{**given, **wrong, **base})
    assert ran.code == 1
    assert "FAIL  stripe" in ran.out
    for secret in (*stripe_till.secrets, *stripe_till.wrong_key.values()):
        assert secret not in ran.out + ran.err
