GREETING = "hello from starlette\n"
