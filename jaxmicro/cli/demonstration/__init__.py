"""The parts of `jaxmicro demo`: where cells come from, how they compare, what is designed, what the report says."""
