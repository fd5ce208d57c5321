"""Webhooks: believed only when signed with a secret of ours over the bytes that came, and not long ago."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from server.payments.provider import Forged
from tests.payments.tills import NEW_SECRET, NOW, OLD_SECRET, Signed, StripeTill, Till


@pytest.fixture
async def ref(any_till: Till) -> str:
    return await any_till.opened()


async def test_a_signed_message_says_which_payment_to_look_at(any_till: Till, ref: str) -> None:
    for kind in any_till.kinds:
        signed = any_till.sign(any_till.message(kind, ref), NEW_SECRET)
        event = any_till.provider.read_webhook(signed.headers, signed.body, NOW)
        assert (event.kind, event.provider_ref) == (kind, ref)
        assert event.event_id


async def test_every_copy_of_a_message_has_the_same_number_whatever_is_around_it(
    any_till: Till, ref: str
) -> None:
    body = any_till.message(any_till.kinds[0], ref)
    copies = [any_till.sign(body, secret) for secret in (NEW_SECRET, OLD_SECRET, NEW_SECRET)]
    copies.append(replace(copies[0], headers={**copies[0].headers, "x-razorpay-event-id": "other"}))
    events = [any_till.provider.read_webhook(each.headers, each.body, NOW) for each in copies]
    assert len({event.event_id for event in events}) == 1
    another = any_till.sign(any_till.message(any_till.kinds[1], ref), NEW_SECRET)
    event = any_till.provider.read_webhook(another.headers, another.body, NOW)
    assert event.event_id != events[0].event_id


async def test_while_secrets_take_turns_both_hold_and_afterwards_the_new_one_only(
    any_till: Till, ref: str
) -> None:
    before = any_till.open(webhook_secrets=(OLD_SECRET,))
    after = any_till.open(webhook_secrets=(NEW_SECRET,))
    old, new = (
        any_till.sign(any_till.message(any_till.kinds[0], ref), secret)
        for secret in (OLD_SECRET, NEW_SECRET)
    )
    for provider, signed, is_good in (
        (before, old, True),
        (before, new, False),
        (any_till.provider, old, True),
        (any_till.provider, new, True),
        (after, old, False),
        (after, new, True),
    ):
        if is_good:
            provider.read_webhook(signed.headers, signed.body, NOW)
        else:
            with pytest.raises(Forged):
                provider.read_webhook(signed.headers, signed.body, NOW)


async def test_forged_messages_are_not_believed(any_till: Till, ref: str) -> None:
    body = any_till.message(any_till.kinds[0], ref)
    good = any_till.sign(body, NEW_SECRET)
    name, value = next(iter(good.headers.items()))
    key = any_till.secrets[0]  # the API's own key is no webhook secret
    forged = {
        "no signature": Signed({}, body),
        "an empty one": Signed({name: ""}, body),
        "the wrong secret": any_till.sign(body, "whsec_somebody_elses_012345"),
        "an API key as the secret": any_till.sign(body, key),
        "an empty secret": any_till.sign(body, ""),
        "another body": Signed(good.headers, any_till.message(any_till.kinds[1], ref)),
        "the body encoded anew": Signed(good.headers, json.dumps(json.loads(body)).encode()),
        "a line end more": Signed(good.headers, body + b"\n"),
        "a letter less": Signed({name: value[:-1]}, body),
        "capitals": Signed({name: value.upper()}, body),
        "not ASCII": Signed({name: value + "\u00e9"}, body),
        "twice": Signed({name: f"{value}, {value}"}, body),
        "an empty body": Signed(good.headers, b""),
    }
    for why, signed in forged.items():
        with pytest.raises(Forged):
            pytest.fail(
                f"{why}: {any_till.provider.read_webhook(signed.headers, signed.body, NOW)}"
            )


_DEEP = b"[" * 100_000 + b"]" * 100_000
_NESTED = (
    b'{"id": "e", "type": "t", "livemode": false, "data": {"object": {"id": %b}},'
    b' "event": "e", "payload": {"order": %b}}'
)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"not json", b"[]", b"null", b"{}", b'"text"', b"\xff\xfe", b'{"id": 1}'),
        _NESTED % (_DEEP, _DEEP),
    ],
    ids=len,
)
async def test_what_is_signed_and_says_nothing_is_as_good_as_forged(
    till: Till, body: bytes
) -> None:
    signed = till.sign(body, NEW_SECRET)
    with pytest.raises(Forged):
        till.provider.read_webhook(signed.headers, signed.body, NOW)


async def test_messages_about_other_things_are_about_no_payment(till: Till) -> None:
    for ref in ("", "somebody", "pi_1/../balance"):
        for kind in (till.kinds[0], "balance.available"):
            signed = till.sign(till.message(kind, ref), NEW_SECRET)
            event = till.provider.read_webhook(signed.headers, signed.body, NOW)
            assert (event.kind, event.provider_ref) == (kind, None)


@pytest.mark.parametrize(
    ("seconds", "is_good"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)]
)
async def test_stripe_signs_the_time_too_and_five_minutes_are_enough(
    stripe_till: StripeTill, seconds: int, *, is_good: bool
) -> None:
    body = stripe_till.message("payment_intent.succeeded", "pi_3")
    signed = stripe_till.sign(body, NEW_SECRET, NOW + timedelta(seconds=seconds))
    if is_good:
        stripe_till.provider.read_webhook(signed.headers, signed.body, NOW)
        return
    with pytest.raises(Forged):
        stripe_till.provider.read_webhook(signed.headers, signed.body, NOW)


@pytest.mark.parametrize(
    "header",
    [
        "t={t}",
        "v1={mac}",
        "t=,v1={mac}",
        "t={t},v0={mac}",
        "t={t},v1=",
        "t=1,t={t},v1={mac}",
        "t=\u0661\u0662,v1={mac}",
        "t=" + "9" * 400 + ",v1={mac}",
        "t=-5,v1={mac}",
        "t={t}.0,v1={mac}",
        "t={t},v1={mac}" + ",v1=0" * 8,
    ],
)
async def test_a_signature_of_stripes_that_is_out_of_form_is_none(
    stripe_till: StripeTill, header: str
) -> None:
    body = stripe_till.message("payment_intent.succeeded", "pi_3")
    good = stripe_till.sign(body, NEW_SECRET).headers["stripe-signature"]
    parts = dict(part.split("=") for part in good.split(","))
    given = header.format(t=parts["t"], mac=parts["v1"])
    with pytest.raises(Forged):
        stripe_till.provider.read_webhook({"stripe-signature": given}, body, NOW)


async def test_a_message_of_the_other_mode_is_not_believed(stripe_till: StripeTill) -> None:
    live = stripe_till.open(secret_key="sk_live_51SecretOfOurs0")
    signed = stripe_till.sign(stripe_till.message("payment_intent.succeeded", "pi_3"), NEW_SECRET)
    stripe_till.provider.read_webhook(signed.headers, signed.body, NOW)
    with pytest.raises(Forged):
        live.read_webhook(signed.headers, signed.body, NOW)
