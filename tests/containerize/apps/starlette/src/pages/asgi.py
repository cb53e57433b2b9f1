from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.greeting import GREETING


async def index(_: Request) -> PlainTextResponse:
    return PlainTextResponse(GREETING)


app = Starlette(routes=[Route("/", index)])
