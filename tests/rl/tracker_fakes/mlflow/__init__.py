"""Stands in for MLflow's package: the calls that Plumb makes, with its signatures."""

from mlflow import entities, tracking

__all__ = ["entities", "tracking"]
