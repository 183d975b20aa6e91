"""aiohttp."""

import asyncio
import ssl

import aiohttp

import report


async def main():
    context = ssl.create_default_context(cafile=report.trusted)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=context)) as session:
        for url in report.urls:
            try:
                async with session.request(report.method(url), url, data=report.body(url)) as response:
                    version = response.version
                    protocol = f"HTTP/{version.major}.{version.minor}"
                    report.tell(url, response.status, protocol, await response.read())
            except (aiohttp.ClientError, TimeoutError) as fault:
                report.fail(url, fault)


asyncio.run(main())
