# SPDX-License-Identifier: MIT
"""A webhook's name that changes its mind (DNS rebinding): what is connected to is the address that was checked.

The scenario runs in a network of its own, where an address that counts as public is on the loopback interface."""
import contextlib
import socket
import tempfile
import threading

import certificates
import mailhatch
import own_network
from waiting import until
from webhook_receiver import receiving

PUBLIC, LOOPBACK, PORT = "93.184.216.34", "127.0.0.1", 8443
STEADY, TURNING, TURNED, BOTH, INWARDS = ("steady.test", "turning.test", "turned.test", "both.test", "inwards.test")
ANSWERS = {
    STEADY: [[PUBLIC]],
    TURNING: [[PUBLIC], [LOOPBACK]],
    TURNED: [[LOOPBACK], [PUBLIC]],
    BOTH: [[LOOPBACK, PUBLIC]],
    INWARDS: [["169.254.169.254", "10.0.0.1", "0.0.0.0"]],
}
SECRET = "only of this test"


def test_a_name_that_turns_inwards_is_not_followed():
    assert own_network.run(__file__) == "done\n"


class Inside:
    """Listens where nobody may come, and counts who does."""

    def __init__(self):
        self.n_accepted = 0
        self._listener = socket.create_server((LOOPBACK, PORT))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            self.n_accepted += 1
            connection.close()


def scenario():
    names = own_network.begin(PUBLIC)
    names.answers = ANSWERS
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        authority = certificates.Authority(directory)
        outside = stack.enter_context(receiving(tls=authority.pair_for(*ANSWERS), address=(PUBLIC, PORT)))
        inside = Inside()
        server = stack.enter_context(mailhatch.running(config={
            "relays": {"main": {"url": "sandbox:"}},
            "webhooks": [{"name": name.split(".")[0], "url": f"https://{name}:{PORT}/hook", "secret": SECRET, "ca_file": authority.ca_file,
                          "events": ["webhook.*"]} for name in ANSWERS]}, secrets=[SECRET]))

        def test(name):
            return server.request("POST", f"/v1/webhooks/{name.split('.')[0]}/test").json()

        def refused(name):
            result = test(name)
            assert not result["ok"] and result["http_status"] is None and "no address that may be connected to" in result["detail"], result

        assert test(STEADY)["ok"] and len(outside.got) == 1
        assert test(TURNING)["ok"] and len(outside.got) == 2
        assert names.asked[TURNING, own_network.TYPE_A] == 1  # nobody asked again behind the check
        refused(TURNING)  # though a connection to where it was is still open
        refused(TURNED)
        assert test(TURNED)["ok"] and len(outside.got) == 3
        assert test(BOTH)["ok"] and len(outside.got) == 4
        refused(INWARDS)
        assert inside.n_accepted == 0
        socket.create_connection((LOOPBACK, PORT)).close()  # it would have been noticed
        until("it is counted", lambda: inside.n_accepted == 1)


if __name__ == "__main__":
    scenario()
    print("done")
