"""Where webhooks may lead: however an address is written, and whatever its name says today."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.config import Settings
from server.webhooks.destinations import Destinations, NotAllowed, destinations_of
from store.webhook_outbox import State
from tests.webhooks.house import House, token
from tests.webhooks.receiver import Receiver, receiving

FORBIDDEN = (
    # What is inside, as it is
    "https://127.0.0.1/",
    "https://127.8.9.1/",
    "https://0.0.0.0/",
    "https://10.0.0.5/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://168.63.129.16/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    # The same in the language of IPv6
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[fec0::1]/",
    "https://[100::1]/",
    # Written so that it does not look like it
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://example.com.127/",
    "https://example.0x7f/",
    # Names of what is inside
    "https://localhost/",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://intranet/",
    "https://postgres/",
    "https://localhost./",
    # Other ways, other doors
    "http://93.184.216.34/",
    "https://93.184.216.34:22/",
    "https://93.184.216.34:5432/",
    "https://93.184.216.34:0/",
    "https://93.184.216.34:65536/",
    "https://93.184.216.34:443443/",
    "https://93.184.216.34:/",
    "ftp://93.184.216.34/",
    "file:///etc/passwd",
    "gopher://93.184.216.34/",
    "//93.184.216.34/",
    "93.184.216.34",
    "https:93.184.216.34",
    "https:///x",
    "https://",
    "",
    # What people read one way and programs another
    "https://user@93.184.216.34/",
    "https://user:secret@93.184.216.34/",
    "https://93.184.216.34@127.0.0.1/",
    "https://127.0.0.1#@93.184.216.34/",
    "https://93.184.216.34\\@127.0.0.1/",
    "https://93.184.216.34/#x",
    "https://93.184.216.34/a b",
    "https://93.184.216.34/\r\nX-Evil: 1",
    "https://93.184.216.34/\u00e9",
    "https://93.184.216.34\n/",
    " https://93.184.216.34/",
    "https://%31%32%37.0.0.1/",
    "https://[fe80::1%25eth0]/",
    "https://[93.184.216.34]/",
    "https://2606:4700::1/",
    "https://a..example/",
    "https://-a.example/",
    "https://a_b.example/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 127}example/",
    f"https://93.184.216.34/{'x' * 2000}",
)


async def resolve_to(*addresses: str) -> Destinations:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return Destinations(resolve=resolve)


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_what_leads_inside_or_can_be_misread_is_refused(url: str) -> None:
    """Also if every name led to a public address."""
    destinations = await resolve_to("93.184.216.34")
    with pytest.raises(NotAllowed):
        await destinations.find(url)


ALLOWED = {
    "https://hooks.example/in?a=b&c=%20d": ("hooks.example", 443, "/in?a=b&c=%20d"),
    "https://HOOKS.Example": ("hooks.example", 443, "/"),
    "https://hooks.example:8443/": ("hooks.example", 8443, "/"),
    "https://xn--bcher-kva.example/": ("xn--bcher-kva.example", 443, "/"),
    "https://93.184.216.34/": ("93.184.216.34", 443, "/"),
    "https://[2606:4700:4700::1111]/": ("2606:4700:4700::1111", 443, "/"),
}


@pytest.mark.parametrize("url", ALLOWED)
async def test_public_addresses_are_understood_in_one_way(url: str) -> None:
    destination, addresses = await (await resolve_to("93.184.216.34")).find(url)
    assert (destination.host, destination.port, destination.target) == ALLOWED[url]
    assert len(addresses) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        (),
        ("127.0.0.1",),
        ("93.184.216.34", "127.0.0.1"),
        ("::ffff:10.0.0.1",),
        ("fe80::1%eth0",),
        ("169.254.169.254", "93.184.216.34"),
    ],
)
async def test_a_name_that_leads_inside_too_leads_nowhere(addresses: Sequence[str]) -> None:
    with pytest.raises(NotAllowed, match="no public address"):
        await (await resolve_to(*addresses)).find("https://hooks.example/")


async def test_a_name_that_has_moved_inside_since_is_not_followed(
    house: House, receiver: Receiver
) -> None:
    """What it led to when it was registered counts no more; the address that is judged is the one that is asked."""
    destinations = await resolve_to("127.0.0.1")
    added = await house.add(f"https://hooks.example:8443/{token()}")
    await house.happen()
    await house.sender(destinations=destinations).deliver()
    told = await house.only(added.endpoint.endpoint_id)
    (tried,) = await house.tries(told)
    assert (told.state, tried.outcome) == (State.WAITING, "not_allowed")


async def test_a_name_is_asked_once_for_a_message(house: House, receiver: Receiver) -> None:
    """A second answer could be another one: the connection is to the first."""
    asked = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    path = f"ok/{token()}"
    added = await house.add(f"http://hooks.example:{receiver.port}/{path}")
    await house.happen()
    destinations = Destinations(inside={"hooks.example"}, resolve=resolve)
    await house.sender(destinations=destinations).deliver()
    assert (await house.only(added.endpoint.endpoint_id)).state is State.DELIVERED
    (got,) = receiver.got(path)
    assert got["headers"]["host"] == f"hooks.example:{receiver.port}"
    assert asked == ["hooks.example"]


async def test_hosts_inside_are_those_that_the_settings_name() -> None:
    named = destinations_of(Settings(webhook_hosts=("erp.inside", "[::1]")))
    assert named.read("http://erp.inside:9000/x").port == 9000
    assert named.read("http://[::1]:9000/x").authority == "[::1]:9000"
    with pytest.raises(NotAllowed):
        named.read("http://127.0.0.1:9000/")
    demo = destinations_of(Settings(demo=True))
    await demo.find("http://127.0.0.1:9000/")
    with pytest.raises(NotAllowed):
        demo.read("http://10.0.0.1:9000/")


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "fe80::1", "224.0.0.1", "::"])  # noqa: S104 - judged
async def test_a_named_host_is_still_a_machine_and_no_clouds_treasury(address: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [address]

    with pytest.raises(NotAllowed):
        await Destinations({"erp.inside"}, resolve).find("http://erp.inside/")


def certify(folder: Path, *, days: int = 1) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself; return the file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / f"receiver{days}.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("days", "is_trusted", "error"),
    [
        (1, True, None),
        (1, False, "its certificate is not good: self-signed certificate"),
        (-1, True, "its certificate is not good: certificate has expired"),
    ],
)
async def test_a_certificate_that_is_not_good_gets_nothing(
    house: House,
    tmp_path: Path,
    days: int,
    is_trusted: bool,  # noqa: FBT001 - a case
    error: str | None,
) -> None:
    certificate = certify(tmp_path, days=days)
    async with receiving(tmp_path, certificate) as receiver:
        added = await house.add(receiver.url("ok"))
        await house.happen()
        trusted = certificate if is_trusted else None
        context = ssl.create_default_context(cafile=trusted)
        await house.sender(context=context).deliver()
        (tried,) = await house.tries(await house.only(added.endpoint.endpoint_id))
        assert (tried.outcome, tried.error) == ("unreachable" if error else "delivered", error)
        assert len(receiver.got()) == (0 if error else 1)


async def test_a_certificate_of_another_host_gets_nothing(house: House, tmp_path: Path) -> None:
    certificate = certify(tmp_path)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with receiving(tmp_path, certificate) as receiver:
        added = await house.add(f"https://hooks.example:{receiver.port}/ok")
        await house.happen()
        context = ssl.create_default_context(cafile=certificate)
        inside = Destinations({"hooks.example"}, resolve)
        await house.sender(destinations=inside, context=context).deliver()
        (tried,) = await house.tries(await house.only(added.endpoint.endpoint_id))
        assert tried.outcome == "unreachable"
        assert "Hostname mismatch" in (tried.error or "")
        assert receiver.got() == []


async def test_what_speaks_no_tls_gets_nothing(house: House, receiver: Receiver) -> None:
    path = f"ok/{token()}"
    added = await house.add(receiver.url(path).replace("http:", "https:"))
    await house.happen()
    await house.sender().deliver()
    (tried,) = await house.tries(await house.only(added.endpoint.endpoint_id))
    assert (tried.outcome, tried.error) == ("unreachable", "there is no TLS with it")
    assert receiver.got(path) == []
