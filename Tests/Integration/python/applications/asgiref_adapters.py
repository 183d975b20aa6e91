"""Applications in asgiref's adapters."""

from asgiref.testing import ApplicationCommunicator
from asgiref.wsgi import WsgiToAsgi

from frameworks import flask_app

flask_wrapped = WsgiToAsgi(flask_app)


async def relayed(scope, receive, send):
    """Flask through WsgiToAsgi through asgiref's communicator: each message is carried over by hand."""
    if scope["type"] == "lifespan":
        raise ValueError("no lifespan")
    inner = ApplicationCommunicator(flask_wrapped, scope)
    more = True
    while more:
        message = await receive()
        await inner.send_input(message)
        more = message["more_body"]
    more = True
    while more:
        message = await inner.receive_output(60)
        await send(message)
        more = message["type"] == "http.response.start" or message.get("more_body", False)
    await inner.wait(60)
