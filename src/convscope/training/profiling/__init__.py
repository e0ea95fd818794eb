"""Where the time of a training's steps goes: phases, layers, operators."""
