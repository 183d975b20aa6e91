"""One small application in FastAPI and one in Starlette, as their documentation has them."""

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.responses import StreamingResponse as StarletteStream
from starlette.routing import Route

ran = []


@asynccontextmanager
async def lifespan(app):
    app.state.greeting = "from the lifespan"
    yield
    ran.append("shutdown")


class Item(BaseModel):
    name: str
    price: float


async def common(q: str | None = None):
    return {"q": q}


fastapi_app = FastAPI(lifespan=lifespan)


@fastapi_app.get("/")
async def hello():
    return PlainTextResponse("Hello")


@fastapi_app.get("/sync")
def in_pool():
    return PlainTextResponse("from the pool")


@fastapi_app.post("/json")
async def item(item: Item):
    return {"got": item.model_dump()}


@fastapi_app.post("/form")
async def form(name: Annotated[str, Form()], upload: Annotated[UploadFile, File()]):
    return {"name": name, "file": upload.filename, "size": len(await upload.read())}


@fastapi_app.get("/depends")
async def depends(found: Annotated[dict, Depends(common)]):
    return found


@fastapi_app.get("/missing")
async def missing():
    raise HTTPException(404, "nothing here")


@fastapi_app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(ran.append, "background")
    return {}


@fastapi_app.get("/ran")
async def what_ran():
    return ran


@fastapi_app.get("/state")
async def state(request: Request):
    return PlainTextResponse(request.app.state.greeting)


async def numbers():
    for i in range(1000):
        yield f"{i}\n"


@fastapi_app.get("/stream")
async def stream():
    return StreamingResponse(numbers(), media_type="text/plain")


@fastapi_app.get("/this-file")
async def this_file():
    return FileResponse(__file__)


@fastapi_app.get("/leaves")
async def leaves(request: Request):
    ran.append("waiting")
    print("waits for the client to leave", file=sys.stderr, flush=True)
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    ran.append("disconnected")
    return PlainTextResponse("never seen")


@fastapi_app.get("/fails")
async def fails():
    raise ValueError("a handler of FastAPI fails")


@fastapi_app.get("/url")
async def url(request: Request):
    return PlainTextResponse(str(request.url))


class Header(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-middleware"] = "yes"
        return response


async def star_hello(request):
    return PlainTextResponse("Hello")


async def star_json(request):
    return JSONResponse({"got": await request.json()})


async def star_stream(request):
    return StarletteStream(numbers(), media_type="text/plain")


async def star_hints(request):
    await request.send_push_promise("/style.css")  # nothing, where the server has no such extension
    return PlainTextResponse("Hello")


async def star_fails(request):
    raise ValueError("a handler of Starlette fails")


async def star_url(request):
    return PlainTextResponse(str(request.url))


starlette_app = Starlette(
    routes=[
        Route("/", star_hello), Route("/json", star_json, methods=["POST"]), Route("/stream", star_stream),
        Route("/hints", star_hints), Route("/fails", star_fails),
        Route("/url", star_url),
    ],
    middleware=[Middleware(Header)],
)
