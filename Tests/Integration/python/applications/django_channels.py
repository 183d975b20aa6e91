"""A chat in Django Channels, as its tutorial has it, with the groups of one process."""

import json

import django
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path

settings.configure(
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    INSTALLED_APPS=["channels"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not one",
)
django.setup()
urlpatterns = []


class Chat(AsyncWebsocketConsumer):
    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept("chat" if "chat" in self.scope["subprotocols"] else None)

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.room, self.channel_name)
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "message": f"one has left: {code}"})

    async def receive(self, text_data):
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "message": message})

    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


class Blocking(WebsocketConsumer):
    """In a thread."""

    def receive(self, text_data=None, bytes_data=None):
        if text_data == "close":
            self.close(code=4005, reason="as asked")
        else:
            self.send(bytes_data=bytes_data)


class Closed(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close()


app = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter([
        re_path(r"^chat/(?P<room>\w+)$", Chat.as_asgi()), re_path(r"^blocking$", Blocking.as_asgi()),
        re_path(r"^closed$", Closed.as_asgi()),
    ]),
})
