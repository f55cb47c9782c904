ISA: str
OPENMP: bool

def use_instruction_set(name: str) -> None: ...
