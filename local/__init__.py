"""An emulated account on this machine: what is deployed there is the synthesized template."""
