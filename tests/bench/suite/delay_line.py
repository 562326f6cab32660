# SPDX-License-Identifier: MIT
"""A TCP line with delay: `python3 -m suite.delay_line PORT RTT_MS` prints `port=N` and forwards."""
import asyncio
import sys


async def pump(reader, writer, delay_s):
    """Each piece leaves delay_s after it came; order is kept."""
    loop = asyncio.get_running_loop()

    def deliver(piece):
        if writer.is_closing():
            return
        if piece:
            writer.write(piece)
        else:
            writer.close()

    while True:
        try:
            piece = await reader.read(1 << 16)
        except ConnectionError:
            piece = b""
        loop.call_at(loop.time() + delay_s, deliver, piece)
        if not piece:
            return


async def main(port, rtt_ms):
    async def on_client(reader, writer):
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, up_writer, rtt_ms / 2000), pump(up_reader, writer, rtt_ms / 2000))

    server = await asyncio.start_server(on_client, "127.0.0.1", 0)
    print(f"port={server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
