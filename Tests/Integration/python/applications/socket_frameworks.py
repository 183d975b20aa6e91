"""WebSockets in FastAPI and in Starlette, as their documentation has them."""

from typing import Annotated

from fastapi import Depends, FastAPI, Query, WebSocket, WebSocketDisconnect, WebSocketException, status
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute

fastapi_app = FastAPI()


class Room:
    def __init__(self):
        self.members = []

    async def enter(self, websocket):
        await websocket.accept()
        self.members.append(websocket)

    async def tell_all(self, text):
        for member in self.members:
            await member.send_text(text)


room = Room()


async def user(websocket: WebSocket, token: Annotated[str | None, Query()] = None):
    if token is None:
        raise WebSocketException(code=status.WS_1008_POLICY_VIOLATION)
    return token


@fastapi_app.websocket("/chat/{name}")
async def chat(websocket: WebSocket, name: str, token: Annotated[str, Depends(user)]):
    await room.enter(websocket)
    try:
        while True:
            await room.tell_all(f"{name}, {token}: {await websocket.receive_text()}")
    except WebSocketDisconnect as left:
        room.members.remove(websocket)
        await room.tell_all(f"{name} has left: {left.code} {left.reason}".strip())


@fastapi_app.websocket("/json")
async def through_json(websocket: WebSocket):
    await websocket.accept(subprotocol="json", headers=[(b"x-hall", b"main")])
    async for got in websocket.iter_json():
        await websocket.send_json({"got": got})


@fastapi_app.websocket("/fails")
async def fails(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()
    raise ValueError("a WebSocket of FastAPI fails")


class Echo(WebSocketEndpoint):
    encoding = "bytes"

    async def on_connect(self, websocket):
        await websocket.accept()

    async def on_receive(self, websocket, data):
        await websocket.send_bytes(data)

    async def on_disconnect(self, websocket, close_code):
        codes.append(close_code)


codes = []


async def star_closes(websocket):
    await websocket.accept()
    await websocket.send_text(str(websocket.url))
    await websocket.close(code=4002, reason="enough")


async def star_denies(websocket):
    await websocket.send_denial_response(PlainTextResponse("members only", 401, {"x-hall": "closed"}))


async def star_codes(websocket):
    await websocket.accept()
    await websocket.send_json(codes)
    await websocket.close()


starlette_app = Starlette(
    routes=[
        WebSocketRoute("/echo", Echo), WebSocketRoute("/closes", star_closes), WebSocketRoute("/denies", star_denies),
        WebSocketRoute("/codes", star_codes),
    ]
)
