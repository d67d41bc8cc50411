"""FastAPI with the Keras model behind a `tf.function` with a fixed signature, the usual setup."""
# mypy: ignore-errors

import os
import sys
from pathlib import Path

import keras
import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).parents[2]))
import training.layers  # noqa: F401

model = keras.saving.load_model("models_store/baseline/model.keras", compile=False)


@tf.function(input_signature=[tf.TensorSpec([1], tf.string)] * 2)
def rate(user_id, movie_id):  # noqa: ANN001, ANN201, D103
    return model({"user_id": user_id, "movie_id": movie_id})


class Pair(BaseModel):  # noqa: D101
    user_id: str
    movie_id: str


app = FastAPI()


@app.get("/readyz")
async def ready() -> dict[str, str]:  # noqa: D103
    return {"status": "ready"}


@app.post("/predict")
async def predict(pair: Pair) -> dict[str, object]:  # noqa: D103
    rating = float(rate(tf.constant([pair.user_id]), tf.constant([pair.movie_id]))[0])
    return {"user_id": pair.user_id, "movie_id": pair.movie_id, "model": "baseline", "rating": rating}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="info")
