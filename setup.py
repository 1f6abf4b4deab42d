"""Build of the extension module; everything else stands in pyproject.toml.

Compiler switches, all off by default, each an environment variable set to a non-empty value:

CASCADE_SANITIZE    a list for -fsanitize=, such as "address,undefined"
CASCADE_LINETRACE   line tracing, so that coverage tools see the lines of the .pyx
CASCADE_ASSERT      checks inside the dispatch loop that cost time (see operands_hold in vm/machine.pxi)
"""

import glob
import os

from Cython.Build import cythonize
from setuptools import Extension, setup

sanitize = os.environ.get("CASCADE_SANITIZE", "")
linetrace = bool(os.environ.get("CASCADE_LINETRACE"))
checked = bool(os.environ.get("CASCADE_ASSERT"))

# No contraction: a product and a sum are rounded one after the other, as in CPython.
exact = ["-ffp-contract=off"] if os.name == "posix" else []
compile_arguments = ["-O2", "-fno-strict-aliasing", *exact] if os.name == "posix" else []
link_arguments = []
macros = []
if sanitize:
    compile_arguments = ["-O1", "-g", f"-fsanitize={sanitize}", "-fno-omit-frame-pointer", *exact]
    link_arguments = [f"-fsanitize={sanitize}"]
if linetrace:
    macros.append(("CYTHON_TRACE", "1"))
    # CPython 3.12 replaced the tracing hook; this keeps Cython on the one that coverage tools read.
    macros.append(("CYTHON_USE_SYS_MONITORING", "0"))
if sanitize:
    macros.append(("CASCADE_RETURNING", "1"))  # under sanitizers no handler jumps to the next one (see vm/kernel.h)
macros.append(("CASCADE_DEBUG_CHECKS", "1" if checked else "0"))

setup(
    ext_modules=cythonize(
        [
            Extension(
                "cascade._vm",
                ["cascade/_vm.pyx"],
                include_dirs=["cascade"],
                define_macros=macros,
                extra_compile_args=compile_arguments,
                extra_link_args=link_arguments,
                depends=["cascade/_vm.pxd", "cascade/_opcodes.pxd", *glob.glob("cascade/vm/**/*.*", recursive=True)],
            )
        ],
        compiler_directives={"linetrace": linetrace},
        force=linetrace,
    )
)
