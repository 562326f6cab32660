# SPDX-License-Identifier: MIT
"""A throw-away CA and the server certificates that a client must accept or refuse."""
import dataclasses
import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Pair:
    cert_file: str
    key_file: str


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Authority:
    """Signs good, expired, not-yet-valid and wrong-host certificates; files are in @directory, keys
    readable by their owner only."""

    def __init__(self, directory):
        self._dir = pathlib.Path(directory)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Mailhatch throw-away CA")
        self._cert = self._sign(self._name, self._key.public_key(), (), -DAY, DAY, is_ca=True)
        self.ca_file = self._write("ca.crt", self._cert.public_bytes(serialization.Encoding.PEM))
        self.good = self._pair("good", ("localhost", "127.0.0.1"))
        self.expired = self._pair("expired", ("localhost", "127.0.0.1"), -10 * DAY, -DAY)
        self.not_yet_valid = self._pair("not-yet-valid", ("localhost", "127.0.0.1"), DAY, 10 * DAY)
        self.wrong_host = self._pair("wrong-host", ("mail.elsewhere.example",))
        self.self_signed = self._pair("self-signed", ("localhost", "127.0.0.1"), signed_by_ca=False)

    def pair_for(self, *hosts):
        return self._pair(hosts[0], hosts)

    def _write(self, name, data):
        path = self._dir / name
        path.touch(0o600)
        path.write_bytes(data)
        return str(path)

    def _sign(self, subject, public_key, hosts, begin, end, is_ca=False, issuer=None):
        now = datetime.datetime.utcnow()
        issuer_name, issuer_key = issuer or (self._name, self._key)
        names = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject).issuer_name(issuer_name).public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin).not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    def _pair(self, name, hosts, begin=-DAY, end=DAY, signed_by_ca=True):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(hosts[0])
        issuer = None if signed_by_ca else (subject, key)
        cert = self._sign(subject, key.public_key(), hosts, begin, end, issuer=issuer)
        return Pair(
            self._write(f"{name}.crt", cert.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{name}.key", key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption())),
        )
