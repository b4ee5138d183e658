"""A small real chat model behind the OpenAI API: it shows that nothing depends on a scripted answer."""
