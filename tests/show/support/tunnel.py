"""A TLS terminator in front of an address, and a proxy that knows CONNECT alone. Prints both ports; runs until its input is
closed, then prints how many connections the proxy has made. Arguments: the address, certificate, key."""

import asyncio
import ssl
import sys

host, port = sys.argv[1].rsplit(":", 1)
through = 0


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def join(reader, writer, to):
    there_reader, there_writer = await asyncio.open_connection(*to)
    await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))


async def terminate(reader, writer):
    await join(reader, writer, (host, int(port)))


async def proxy(reader, writer):
    global through
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
    if method != "CONNECT":
        writer.write(b"HTTP/1.1 405 only CONNECT\r\n\r\n")
        return writer.close()
    through += 1
    name, number = target.rsplit(":", 1)
    writer.write(b"HTTP/1.1 200 there\r\n\r\n")
    await join(reader, writer, (name, int(number)))


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    tls = await asyncio.start_server(terminate, "127.0.0.1", 0, ssl=context)
    plain = await asyncio.start_server(proxy, "127.0.0.1", 0)
    print(tls.sockets[0].getsockname()[1], plain.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(through, flush=True)


asyncio.run(main())
