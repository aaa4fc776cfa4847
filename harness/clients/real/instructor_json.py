"""
Instructor's create_partial in JSON mode: objects that fill up while their JSON is streamed.

Source: https://python.useinstructor.com/concepts/partial/
"""

import instructor
from openai import OpenAI
from pydantic import BaseModel

client = instructor.from_openai(OpenAI(timeout=8, max_retries=0), mode=instructor.Mode.JSON)


class City(BaseModel):
    """What the questions for JSON ask for."""

    city: str
    population: int


def read(question, out):
    shown = ""
    asked = {"model": question["model"], "messages": question["messages"]}
    for city in client.chat.completions.create_partial(response_model=City, max_retries=0, **asked):
        shown = city.model_dump_json()  # in the place of the one before
    out.print(shown)
