"""The online half: loads the models of a store and answers over HTTP."""
