from fastapi import FastAPI

app = FastAPI()


@app.get("/items/{number}")
def item(number: int) -> dict[str, int]:
    return {"number": number}
