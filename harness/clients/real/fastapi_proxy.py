"""
A FastAPI endpoint that hands on what the OpenAI SDK streams, read as a browser's EventSource reads it.

Source: https://github.com/rpmaya/ml2_code/blob/7e8cc0d3bcdaeefba692487c78f955c80c77c8c1/fastAPI/serverSentEvents.py
"""

import socket
import threading

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from httpx_sse import connect_sse
from openai import OpenAI

client = OpenAI(max_retries=0, timeout=8)
app = FastAPI()


@app.get("/chat/stream")
def chat_stream(model: str, prompt: str):
    messages = [{"role": "user", "content": prompt}]

    def events():
        for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
            if chunk.choices and chunk.choices[0].delta.content:  # guarded: it is the frame below that is on trial
                content = chunk.choices[0].delta.content
                yield f"data: {content}\n\n"  # what follows a line feed in it is no field of an event, and is dropped
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


listener = socket.create_server(("127.0.0.1", 0))
ADDRESS = "http://{}:{}/chat/stream".format(*listener.getsockname())
server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
browser = httpx.Client(timeout=8, trust_env=False)


def read(question, out):
    asked = {"model": question["model"], "prompt": question["messages"][-1]["content"]}
    with connect_sse(browser, "GET", ADDRESS, params=asked) as source:
        for event in source.iter_sse():
            if event.data == "[DONE]":
                return
            out.print(event.data)
