"""More rows for programs with seeds from `CORNERS` on: what programs of people have now and then, and where implementations err.

NaNs are compared by nothing that looks at their identity, which numbers in kernels do not have.

Classes made inside functions, operators of users' classes, descriptors, closures that change, loops that are left out of `try` and `with`,
groups of exceptions, generators, globals that come and go, arrays of every dtype, borders of numbers.
"""

from __future__ import annotations

from tests.support.object_programs.expressions import TEXTS
from tests.support.object_programs.grammar import Table, expressions, statements

CORNERS = 1_000_000
"""The first seed of programs with these rows."""

STATEMENTS = statements("""
for-shrinks 5
@q:int for <q> in <|enumerate|reversed|iter|sorted>(<!ints>):
    if <bool>:
        <!ints>.<clear()|pop()|append(4)|extend([1, 2])|reverse()>
    try:
        note(<!ints>[<0|1|-1>])
        <block>
    except <IndexError|Exception>:
        <pass|continue|break|note(2)>
    if len(<!ints>) < 20:
        <!ints>.append(<int>)

row-rebound 2
@q:count @r:any <r> = np.arange(27).reshape(3, 3, 3)<|[::-1]|.T|.astype('float32')>
for <q> in range(<2|3>):
    note(<r>[<q>][(<q> := <int> % 3)])
    note([<r>[<q>], (<q> := 1), <r>[<q>][(<q> := 2):], <r>[<q>][<q>][(<q> := 0)]])
    <r>[<q>][(<q> := <int> % 3)] <|+|*>= <num>

class-or-other 4
@q:any for <q> in [type(<obj>), <item>, <obj>, type(<obj>)]:
    try:
        note(<q>.<count|kept|area|__name__|x|real>)
    except Exception as error:
        note(type(error).__name__)

class-or-other 2
@q:any for <q> in (type(<obj>), <array>, <item>, <obj>):
    try:
        note(<q>.<count|kept|area|__name__|size|real>)
    except Exception as error:
        note(type(error).__name__)

chosen 6
@q:any for <q> in [<obj>, <item>, <obj>, type(<obj>), <any>]:
    try:
        note((<q> if <bool> else <obj>).<x|count|value|name|step(1)|kept|items[0]|y>)
    except Exception as error:
        note(type(error).__name__)

chosen 4
@q:any for <q> in (<obj>, <obj>, <item>, <any>, <obj>):
    try:
        note(<1 + |1.5 != |len|not |str|1 in |-> (<q> if <bool> else <obj|any>) <|+ 1|[0]|== 2|()>)
    except Exception as error:
        note(type(error).__name__)

chosen 2
@q:any for <q> in [<obj>, <item>, <obj>]:
    (<q> or <obj>).<x|count|y> <|+|-|*>= <num>

none-compared 3
@q:any for <q> in [<array>, <item>, <obj>, <array>]:
    note((<q> <==|!=> None, None <==|!=> <q>, <q> is None))

none-compared 2
@q:any for <q> in (<matrix>, None, <array>, <any>):
    note((<q> <==|!=> None, None <==|!=> <q>))

early 3
@q:count for <q> in range(<count>):
    note([Early(<q>), Early(<int>, name=<q>), Early(name=<str>, x=<q>)])
    (Early(<q>), Early(9))<|[0]|.count(5)|[:1]>
    Early(<q>) <in|==|!=|is> <Early(2)|[Early(2), Early(3)]|(Early(2),)|{Early(0)}>

early-passed 3
@q:count for <q> in range(<count>):
    aliased(Early(<q>), Early(<int>))
    aliased(<b=Early(1), a=|c=Early(2), b=Early(3), a=>Early(<q>))
    unpacked([<Early(4)|note(Early(6))|None>, Early(<q>)])
    Early(<q>).pair(<b=Early(5), a=Early(6)|Early(7), Early(8)>)

early-zip 2
@q:any @r:any for <q>, <r> in zip([Early(<int>), Early(3)], <[Early(4), Early(5)]|(Early(6), Early(7))>):
    <break|pass|note(1)|raise ValueError(2)>

scalar-chain 4
@q:count for <q> in range(<count>):
    note((<np.int64|np.int32|np.uint64>(<q> * <2**20|3|2**31 - 8>) <*|+|-> <2**40|1000003|np.int64(2**62 - 1)|7>) <%|//|&|-> <7|1000003|2**61 - 1|np.int64(9)> <|+ 1|% 5|== 3>)

for-try-finally 6
@q:count for <q> in range(<count>):
    try:
        if <bool>:
            <break|continue|return 7|raise ValueError(1)|pass>
        <loop>
    finally:
        note(<int>)

for-finally-exit 3
@q:int for <q> in <iterable>:
    try:
        <loop>
    finally:
        if <bool>:
            <break|continue|return 5>

for-with 5
@q:count for <q> in range(<count>):
    with Manager(<q>, <bool>):
        if <bool>:
            <break|continue|return 3|raise KeyError(2)>
        <loop>

for-try-except-exit 5
@q:int @e:any for <q> in <iterable>:
    try:
        <loop>
    except <exceptions> as <e>:
        <break|continue|return 1|raise|pass>
    else:
        <break|continue|pass|note(1)>
    finally:
        note(<q>)

while-try 3
@q:step <q> = 0
while True:
    <q> += 1
    try:
        if <q> > <2|4>:
            <break|return 8>
        <loop>
    except <exceptions>:
        continue
    finally:
        note(<q>)

try-nested-finally 3
try:
    try:
        <block>
    finally:
        <block>
finally:
    note(<int>)

try-group 4
@e:any try:
    raise ExceptionGroup("g", [ValueError(<int>), ExceptionGroup("inner", [KeyError(<str>), TypeError(<int>)]), OSError(<int>)])
except* <ValueError|KeyError|(ValueError, OSError)|Exception|ExceptionGroup|LookupError> as <e>:
    note(repr(<e>.exceptions))
    <block>

try-group-several 4
@e:any @q:count for <q> in range(<count>):
    try:
        if <q> == <1|2>:
            raise ExceptionGroup("g", [ValueError(<q>), KeyError(<int>)])
        <block>
    except* <ValueError|LookupError|OSError> as <e>:
        note((len(<e>.exceptions), str(<e>)))
        <raise|pass|raise TypeError("other")|note(2)>
    except* <KeyError|TypeError>:
        note("second")
    <else:|finally:>
        note(<q>)

try-context 4
@e:any @g:any try:
    <block>
    raise ValueError(<int>)
except Exception as <e>:
    try:
        raise KeyError(<str>) <|from None|from ValueError(3)>
    except Exception as <g>:
        note((repr(<g>.__context__), repr(<g>.__cause__), <g>.__suppress_context__))
        <g>.add_note(<str>)
        <pass|raise|raise TypeError("again")>

try-name-gone 2
@e:any try:
    <block>
    raise KeyError(<int>)
except Exception as <e>:
    <block>
note(repr(<e>))

inner-generator-loop 5
@g:any @q:int @r:int def <g>(n):
    try:
        for <q> in range(n):
            <continue|pass|note(1)>
            yield <int>
            if <bool>:
                <return 4|break|raise ValueError("inside")|continue>
    finally:
        note("closed")
for <r> in <g>(<count>):
    <loop>
    if <bool>:
        break

inner-generator-consumed 5
@g:any @q:int def <g>(n):
    for <q> in range(n):
        if <bool>:
            <return|raise KeyError(n)|pass|continue>
        yield <int>
<=int> = <sum|max|min|len|any|list|tuple|set|sorted>(<g>(<count>))
<=str> = ",".join(str(each) for each in <g>(<count>))

inner-generator-sent 2
@g:any @q:int def <g>():
    <q> = 0
    while <q> < 5:
        <q> += 1 + (yield <q>) if <bool> else (yield <q>) or 2
<=any> = [*<g>()]

inner-yield-from 2
@g:any def <g>(n):
    found = yield from <iterable>
    yield found
    return n
<=any> = [*<g>(<int>)][:9]

inner-closure-changed 6
@g:any @v=int @q:count def <g>(k=1):
    nonlocal <v>
    <v> += k
    return <v>
for <q> in range(<2|3|5>):
    <g>()
    <v> = (<v> + <bounded>) % 1000
    <loop>
    note(<g>(<q>))

inner-closure-cells 3
@g:any @q:count <g> = []
for <q> in range(<2|3|5>):
    <g>.append(lambda k=<q>: (k, <q>, <any>))
<=any> = [each() for each in <g>][:9]

inner-closure-deleted 2
@g:any @v=int def <g>():
    return <v> + 1
note(<g>())
del <v>
<=any> = <g>()

inner-closure-class 3
@g:any @v=int class <g>:
    seen = <v>
    def grow(self, by):
        nonlocal <v>
        <v> = (<v> + by) % 100
        return <v> + self.seen
<=int> = <g>().grow(<int>) + <g>().grow(2)

inner-class-operators 8
@g:any @o:any @q:count class <g><|(Base)|(dict)>:
    weight = <int>
    table = [<int>, <int>]
    made = 0
    def __init__(self, n):
        <g>.made += 1
        self.n = n
    @property
    def x(self):
        return self.weight + <int>
    def __add__(self, other):
        return <g>(self.n + other)
    def __radd__(self, other):
        return <NotImplemented|other|self.n>
    def __eq__(self, other):
        return self.n == other
    def __getitem__(self, index):
        return self.table[index]
    def __repr__(self):
        return f"local({self.n})"
    __hash__ = None
<o> = <g>(<int>)
for <q> in range(<2|3|5>):
    <o> = <o> + <q>
    note((<o>.n, <o>.x, <o>.table[<q> % 2], <o>[-1], <o> == <q>, 1 + <o>, <g>.made))
    <g>.weight = <int>

inner-class-watched 4
@g:any @o:any @q:count class <g>:
    kept = Tracked(<int>)
    def __init__(self, n):
        self.n = n
        WATCHED.append(weakref.ref(self))
    def step(self, k=1):
        return self.n + k + self.kept.x
for <q> in range(<2|3|5>):
    <o> = <g>(<q>)
    <=int> = <o>.step() + <o>.kept.x + <g>.kept.step(<q>)
    <loop>

inner-made-class 2
@g:any @o:any <g> = <type("Made", (Base,), {"x": 3, "step": lambda self, k=1: k + self.x})|namedtuple("Made", "x y", defaults=(1, 2))>
<o> = <g>()
<=any> = [<o>.x for _ in range(<count>)]

inner-decorator 2
@g:any @q:any def <g>(function):
    def called(*given, **named):
        note(len(given))
        return function(*given, **named)
    return called
<=int> = <g>(<helper>)(<int>)

inner-recursive 3
@g:any def <g>(n, seen=()):
    if n <= 0:
        return len(seen)
    return <g>(n - 1, (*seen, n)) + <int>
<=int> = <g>(<count>)

global-changed 6
globals()[<"LIMIT"|"FACTOR"|"SCALE"|"TABLE"|"TABLE">] = <any>

global-changed 2
globals()[<"plus"|"checked"|"looped">] = <abs|note|tries|float|lambda a: [a]>

global-deleted 3
globals().pop(<"LIMIT"|"FACTOR"|"TABLE"|"SCALE">, None)

global-deleted 2
unbind(<"LIMIT"|"TABLE"|"FACTOR">)

global-hides-builtin 2
globals()[<"len"|"range"|"abs"|"sum">] = <note|max|lambda *given: [1, 2]>

global-shows-builtin 2
globals().pop(<"len"|"range"|"abs"|"sum">, None)

global-table 5
@q:count for <q> in range(<count>):
    note(TABLE[<q>])
    TABLE[<index>] = <int>
    <loop>

for-global-table 3
@q:int for <q> in TABLE:
    if <bool>:
        globals()["TABLE"] = <[1, 2]|(5, 6, 7)|{1: 2}|"ab">
    <loop>

slice-store! 4
<!ints>[<slice>] = <ints>

slice-delete! 3
del <!ints>[<slice>]

slice-read 4
<=any> = [<!ints>[<slice>], <str>[<slice>], <pair>[<slice>], <bytes>[<slice>], range(9)[<slice>]]

slice-many 2
@q:count for <q> in range(-4, 4):
    note((<ints>[<q>:], <str>[:<q>], <pair>[<q>::-1], <str>[<q>:2], TABLE[<q>:]))

for-list-or-array 6
@q:any @r:count for <q> in (<ints>, <array>, <floats>, <array>, <buffer>):
    for <r> in range(<count>):
        note((<q>[<r>], type(<q>[<r>]).__name__, <q>[-1] + 1))
        <q>[<r>] = <num>

array-dtypes 5
@q:any @r:any for <q> in <dtypes>:
    <r> = np.arange(6).astype(<q>)[<::2|::-1|1:4|:|5:1:-2>]
    note((<r>[<0|-1|1>], <r>[0] + <1|0.5|True|<r>|2**70>, repr(<r>[1] == 1)))
    <r>[<0|-1|2>] = <num>
    note(repr(<r>))

array-dtypes-loop 5
@q:any @r:any @k:count <r> = np.zeros(<(2, 3)|(3, 2)|(2, 2)>, dtype=<dtype>)<|.T|[::-1]|[:, ::-1]|[:, 1:]>
for <k> in range(<2|3|5>):
    <r>[<k> % 2, <0|-1>] += <num>
    note((<r>[0, <k> % 2], <r>[-1][0], <r>[<k> % 2, -1] * 2, bool(<r>[0, 0])))

array-errors 2
@q:any with np.errstate(all=<"raise"|"ignore"|"warn">):
    <q> = np.array([1, 0, 127], dtype=<dtype>)
    note(repr(<q>[0] / <q>[1]))
    note(repr(<q>[2] + <q>[2]))

for-dict-changed 5
@v=dict @q:str for <q> in <v>:
    <loop>
    if <bool>:
        <v>[<q>] = <int>
    if <bool>:
        <v>.pop(<str>, None)

for-items-changed 5
@v=dict @q:str @r:int for <q>, <r> in <|list>(<v>.items()):
    <v>[<q>] = <r> + 1
    <loop>
    <v>.<popitem()|clear()|update(z=1)|copy()>

while-popitem 2
@v=dict while <v>:
    note(<v>.popitem())
    <loop>

set-changed 2
@v=set @q:int for <q> in <|list|sorted>(<v>):
    <v>.<add|discard|remove>(<int>)

text-built 5
@v=str @q:count for <q> in range(<count>):
    <v> += <str>[:3]
    <v> = <v>[-20:] + f"{<q>!r:<6}|{<int>:x}|{<bool>}"[:9]
    <v> = <v>[:30]

text-joined 3
@q:count @r:any <r> = []
for <q> in range(<2|3|5>):
    <r>.append(<str>)
    <r>.append(str(<any>)[:5])
<=str> = "".join(<r>)[:40]

text-formats 4
note((f"{<int>:,}{<float>:.3e}{<bool>:>7}{<edge>:g}", "%5.1f|%-4d|%s|%r" % (<num>, <int>, <printable>, <str>), "{:b}{!r:>8}".format(<int>, <str>)))

border-loop 6
@q:count @r:int <r> = <border>
for <q> in range(<2|3|5>):
    <r> <+|-|*|^|+|->= <border>
    note(<r>)
    if <r>.bit_length() > 200:
        <r> = <border>

border-shifts 3
@q:count for <q> in range(60, 66):
    note((1 << <q>, -1 << <q>, <border> >> <q>, (1 << <q>) - 1, <int> << <q> >> <q>))

edge-loop 5
@q:count @r:float <r> = <edge>
for <q> in range(<2|3|5>):
    <r> <+|-|*|/>= <edge>
    note((<r>, <r> == <r>, <r> < <num>, -<r>, abs(<r>)))

edge-identity 4
@q:count @r:float @s:any <s> = []
for <q> in range(<2|3|5>):
    <r> = <edge> <+|-|*> <edge>
    <s>.append(math.nan if <r> != <r> and <bool> else <r>)
    note((<r> in <s>, <s>.count(<r>), [<r>] == [<r>], len({<r>, <r>, math.nan}), {math.nan: 1}.get(<r>), <s>[-1] in <s>))

edge-containers 3
@r:float <r> = <edge>
note((max(<r>, <edge>), min([<edge>, <r>]), sorted([<edge>, <r>, 0]), sum([<r>, <edge>])))

edge-conversions! 3
note((<int|round|math.floor|math.ceil|math.trunc|math.sqrt|repr|bool>(<edge>), <edge> <op> <edge>, divmod(<edge>, <num>)))

bool-types 6
@q:any for <q> in (<bool>, <int>, <float>, <bool>, 1, True, 0, False, 1.0):
    note((<q> + <q>, -<q>, <q> & True if isinstance(<q>, int) else None, <q> | <bool> if isinstance(<q>, int) else None, type(<q>).__name__, <q> * 2, <q> is True, {True: "t", 0: "z"}.get(<q>), [5, 6][<q>] if type(<q>) is bool else <q> ** 2))
    <loop>

bool-operators 4
note((<bool> & <bool>, <bool> | <int>, <bool> ^ <bool>, <bool> + <bool>, <bool> << 3, +<bool>, <bool> / 2, <bool> // 1, <bool> == <int>, sum([<bool>, <bool>]), max(<bool>, <int>), f"{<bool>:d}", str(<bool>), range(<bool>), round(<bool>), divmod(<bool>, 2), int(<bool>), abs(<bool>)))

operators-loop 8
@v=obj @q:count for <q> in range(<count>):
    <v> = <v> <op> <q>
    note((<v>, <v>.x if hasattr(<v>, "x") else None))
    <loop>
    if type(<v>) is int:
        break

operators-augmented 4
@v=obj <v> <+|-|*|//|%|@|&|^>= <item>

operators-used 6
note((<operation>, <operation>))

items-of-object 4
@v=obj @q:int for <q> in <v>:
    <loop>
    <v>[<q>] = <int>

properties 6
@v=obj @q:count for <q> in range(<count>):
    <v>.<area|area|lazy|checked|x> = <item>
    note((<v>.area, <v>.lazy, <v>.checked))
    <loop>

properties-deleted! 3
del <!obj>.<lazy|area|checked|x|nothing>

recursion 3
<=int> = deepest(<count>)

recursion-mutual 2
<=int> = even(<3|40|300>) + <int>

recursion-in-kernel! 2
@g:any def <g>(n):
    try:
        return <g>(n + 1)
    except RecursionError:
        return <0|n>
<=bool> = <g>(0) >= 0
""")

MORE: dict[str, str] = {}

MORE["int"] = """
border 6 | <border>
border 6 | (<border> <op> <int>)
border 3 | -<border>
border 2 | abs(<border>)
border! 2 | <border> <shift> <count>
bool-number 3 | (<bool> <+|-|*|&> <int>)
global-table! 5 | TABLE[<index>]
global-table 2 | len(TABLE)
operator-of-object! 3 | <operation>
property 3 | <!obj>.<area|lazy|checked>
deepest 1 | deepest(<count>)
"""

MORE["float"] = """
edge 8 | <edge>
edge 5 | (<edge> <+|-|*> <num>)
edge! 3 | <edge> <//|%|/|**> <num>
edge 3 | <min|max>(<edge>, <num>)
array-item! 4 | <!array>[<index>] * <num>
"""

MORE["bool"] = """
edge 4 | <edge> <cmp> <num>
border 4 | <border> <cmp> <int>
bool-number 3 | (<bool> <bitop> <bool>)
operator-of-object! 3 | <!obj> <cmp> <item>
operator-of-object! 2 | <int> in <!obj>
"""

MORE["str"] = """
text-slice 4 | <str>[<slice>][::-1]
f-string 4 | f"{<printable>!s:.9}{<num>}"
join 2 | @q:any "".join(f"{<q>}," for <q> in <^iterable>)
"""

MORE["ints"] = """
list-slice 4 | <ints>[<slice>]
"""

MORE["array"] = """
array-make 8 | np.arange(6).astype(<dtype>)<|[::2]|[::-1]|[1:]>
array-make 4 | np.arange(12, dtype=<dtype>).reshape(3, 4)[<:, 1|1, ::2|::-1, 2|0>]
array-make 2 | np.broadcast_to(np.array(<1|2.5>, dtype=<dtype>), (3,))
array-make 2 | np.frombuffer(b"\\x01\\x00\\x00\\x00" * 6, dtype=<"i4"|"u2"|"f4"|"?"|"i8">)
"""

EXPRESSIONS: dict[str, Table] = {kind: expressions(TEXTS[kind] + MORE.get(kind, "")) for kind in TEXTS}
EXPRESSIONS["operation"] = expressions("""
operation 8 | <!obj> <op> <item>
operation 5 | <item> <op> <!obj>
operation 3 | <!obj> <op> <!obj>
operation 3 | <!obj> <cmp> <item>
operation 3 | <!obj>[<index>]
operation 2 | <!obj>[<slice>]
operation 2 | <int> <in|not in> <!obj>
operation 2 | <len|bool|str|repr|list|int|float|abs|iter|hash|sorted|sum|max|tuple|round|next>(<!obj>)
operation 2 | <-|+|~>(<!obj>)
operation 2 | <!obj>(<int>)
operation 1 | f"{<!obj>:>5}"
operation 1 | [*<!obj>]
operation 1 | sum([<!obj>, <!obj>], <int>)
operation 1 | divmod(<!obj>, <int>)
""")

FIXED: dict[str, list[str]] = {
    "op": ["+", "-", "*", "+", "-", "*", "//", "%", "/", "&", "|", "^"],
    "border": ["2**62", "2**62 - 1", "-2**62", "2**63 - 1", "2**63", "-2**63", "-2**63 - 1", "2**64", "2**64 - 1", "2**32", "2**31 - 1",
               "3037000500", "-3037000500", "2**53 + 1", "2**30", "-2**30", "9223372036854775807", "2**127"],
    "edge": ["math.nan", "math.inf", "-math.inf", "-0.0", "0.0", "5e-324", "1.7976931348623157e308", "2.0**53", "9007199254740993.0", "2.0**63", "-2.0**63", "0.1", "1e16",
             "float('nan')", "0.5", "2.5"],
    "dtype": ["'f2'", "'f4'", "'f8'", "'i1'", "'u1'", "'i2'", "'u2'", "'i4'", "'u4'", "'i8'", "'u8'", "'?'", "'c8'", "'c16'", "'>f8'", "'>i2'", "'>u8'", "object", "'U3'", "'S2'",
              "'m8[s]'", "'g'"],
    "dtypes": ["('f2', 'f4', 'f8', 'g')", "('i1', 'u1', 'i2', 'u2')", "('i4', 'u4', 'i8', 'u8')", "('?', object, 'c8')", "('>i4', 'i4', '>f8')", "('f8', 'i8', 'f8', '?')"],
}  # fmt: skip
