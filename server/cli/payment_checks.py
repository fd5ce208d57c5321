"""What `omnibus doctor` asks payment providers: whether they take our keys. No key is shown, and nothing is changed."""

import asyncio

from server.cli.checks import Check, Verdict
from server.config import Settings
from server.payments.outside import Outside, outside
from server.payments.provider import ProviderDown, ProviderRefused


async def look_at_providers(settings: Settings) -> list[Check]:
    """Ask each provider that has keys here; none is asked where none has."""
    return await asyncio.gather(*(_look(each, settings) for each in outside(settings)))


async def _look(provider: Outside, settings: Settings) -> Check:
    try:
        async with asyncio.timeout(10):
            await provider.check()
    except ProviderRefused as refusal:
        advice = "copy its keys anew from its dashboard; see docs/providers.md"
        detail = f"does not take our keys: {refusal.reason}"
        return Check(provider.method, Verdict.FAIL, detail, advice)
    except (ProviderDown, TimeoutError) as error:
        detail = f"cannot be asked: {str(error) or 'no answer in time'}"
        return Check(provider.method, Verdict.WARN, detail, "see its status page, and our network")
    finally:
        provider.close()
    return judge_mode(provider.method, is_live=provider.is_live, is_demo=settings.demo)


def judge_mode(method: str, *, is_live: bool, is_demo: bool) -> Check:
    if is_live or is_demo:
        detail = (
            "takes our keys" if is_live else "takes our keys, which are for tests, as is a demo"
        )
        return Check(method, Verdict.OK, detail)
    detail = "takes our keys, which are for tests: whoever pays does not pay"
    return Check(method, Verdict.WARN, detail, "set its live keys before you sell")
