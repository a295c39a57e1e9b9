"""At deployment: the objects in the warehouse that loads rely on."""
