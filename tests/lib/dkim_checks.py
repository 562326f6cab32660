# SPDX-License-Identifier: MIT
"""Signatures verified by two independent programs: Python's dkim and OpenDKIM's filter in test mode.
Neither asks DNS; @records is {"selector._domainkey.domain": TXT}."""
import pathlib
import re
import subprocess
import tempfile

import dkim
import mailhatch

DOMAIN = "example.com"


def keygen(directory, selector, kind, domain=DOMAIN):
    """(key file, {name: TXT record}) as `mailhatch dkim keygen` makes and prints them."""
    file = pathlib.Path(directory, f"{selector}.pem")
    run = mailhatch.cli("dkim", "keygen", "--domain", domain, "--selector", selector, "--type", kind, "--out", str(file))
    assert run.returncode == 0, run.stderr
    (name, strings), = re.findall(r'^(\S+)\. IN TXT \((.*)\)$', run.stdout.decode(), re.M)
    assert name == f"{selector}._domainkey.{domain}"
    return str(file), {name: "".join(re.findall(r'"([^"]*)"', strings))}


def signatures(content):
    """[(algorithm, domain, selector)] of the DKIM-Signature fields, from the top."""
    header = content.split(b"\r\n\r\n", 1)[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    found = []
    for value in re.findall(rb"^DKIM-Signature:(.*)$", header, re.M | re.I):
        tags = dict(re.findall(r"(\w+)=([^;]*)", value.decode().replace(" ", "")))
        found.append((tags["a"], tags["d"], tags["s"]))
    return found


def verified_by_python(content, records):
    """The selectors whose signatures are good."""
    verifier = dkim.DKIM(content)

    def lookup(name, timeout=5):
        del timeout
        return records[name.decode().rstrip(".")].encode()

    good = []
    for i, (_, _, selector) in enumerate(signatures(content)):
        try:
            if verifier.verify(idx=i, dnsfunc=lookup):
                good.append(selector)
        except dkim.DKIMException:
            pass
    return good


def verified_by_opendkim(contents, records):
    """For each of the mails the selectors whose signatures are good."""
    with tempfile.TemporaryDirectory(prefix="mailhatch-opendkim-") as directory:
        folder = pathlib.Path(directory)
        (folder / "keys").write_text("".join(f"{name} {txt}\n" for name, txt in records.items()))
        (folder / "conf").write_text(f"Mode v\nTestPublicKeys {folder}/keys\nSyslog no\n")
        mails = []
        for i, content in enumerate(contents):
            mails.append(str(folder / f"{i:04}"))
            pathlib.Path(mails[-1]).write_bytes(content)
        run = subprocess.run(["opendkim", "-x", str(folder / "conf"), "-vv", "-t", ",".join(mails)],
                             capture_output=True, text=True, timeout=60, check=True)
    results = re.findall(r"hname='Authentication-Results' hvalue='(.*?)'\n", run.stdout, re.S)
    assert len(results) == len(mails), run.stdout + run.stderr
    return [re.findall(r"dkim=pass [^;]*header\.s=(\S+)", result) for result in results]
