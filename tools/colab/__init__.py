"""The course in an environment like Google Colab's; see `__main__`."""
