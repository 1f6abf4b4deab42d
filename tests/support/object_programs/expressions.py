"""The expressions that programs are made of, by their kinds.

The kinds: `int`, `count` (a small int), `index`, `float`, `num`, `bool`, `str`, `bytes`, `ints` and `floats` (lists), `mixed` (a list of anything),
`grid` (a list of lists of ints), `strs`, `pair` (a tuple of ints), `pairs`, `dict` (of ints by texts), `table` (of anything by anything), `set`, `deque`,
`heap`, `array` and `matrix` (of NumPy), `buffer`, `obj` and `objs` (instances with `x`, `y`, `items`, `name`, `step`, `add`, `value`),
`random` (a generator of numbers), `func` (from an int to an int), `complex`, `sequence`, `iterable` (of ints), `any`.
"""

from __future__ import annotations

from tests.support.object_programs.grammar import Table, expressions

TEXTS: dict[str, str] = {}

TEXTS["int"] = """
generator! 2 | sum(rising(<count>, <int>))
generator 2 | <sum|min|max>(<filtered|closing>([<int>, <int>]))
list-index 14 | @v=ints <v>[<int> % len(<v>)]
list-index 5 | <!ints>[<0|-1>]
nested-index 8 | @v=grid <v>[<0|-1>][<0|-1>]
tuple-index 4 | <!pair>[<0|1>]
text-index-ord 3 | @v=str (ord(<v>[<0|-1>]) if <v> else 0)
dict-index 4 | @v=dict @q=str (<v>[<q>] if <q> in <v> else 0)
division 3 | <int> <//|%> (<int> | 1)
list-index! 14 | <!ints>[<index>]
list-index! 3 | <!ints>[<count>]
nested-index! 8 | <!grid>[<index>][<index>]
nested-index 3 | <!grid>[<index>][-1]
tuple-index! 4 | <!pair>[<0|1|-1|-2>]
deque-index! 2 | <!deque>[<0|-1|1>]
arithmetic 22 | <int> <+|-> <int>
arithmetic 6 | <int> * <2|3|7|-1>
multiplication 5 | <int> * <int>
division 7 | <int> <//|%> <2|3|7|10|-3|1000003>
division! 2 | <int> <//|%> <int>
bit-operation 7 | <int> <bitop> <int>
shift! 3 | <int> <shift> (<int> & 31)
shift! 1 | <int> <shift> <count>
power 2 | <int> ** <0|1|2|3>
power-modulo 1 | pow(<int>, <count>, 1000003)
unary 3 | -<int>
unary 1 | ~<int>
conditional 5 | (<int> if <bool> else <int>)
boolean-operator 3 | (<int> <and|or> <int>)
len 8 | len(<sequence>)
sum 4 | sum(<ints>)
sum-of-generator 4 | @q:int sum(<int> for <q> in <^iterable>)
sum-of-generator 2 | @q:int sum(<int> for <q> in <^iterable> if <bool>)
sum-of-generator 1 | @q:int sum(<q> * <num> for <q> in <^ints>)
sum-of-generator 1 | @q:int @r:int sum(<int> for <q> in <^ints> for <r> in range(<^count>) if <bool>)
min-max-of-generator! 2 | @q:int <min|max>(<int> for <q> in <^iterable>)
min-max-of-generator! 1 | @q:int <min|max>(<num> for <q> in <^iterable>)
min-max 4 | <min|max>(<int>, <int>)
min-max! 3 | <min|max>(<ints>)
min-max 1 | <min|max>(<ints>, default=<int>)
min-max! 1 | @q:int <min|max>(<^ints>, key=lambda <q>: <int>)
abs 2 | abs(<int>)
round 2 | round(<float>)
round 1 | round(<int>, <-1|-2|1>)
divmod 1 | divmod(<int>, <3|7|-4>)[<0|1>]
int-of-text! 2 | int(<str>)
int-of-text! 1 | int(<"12"|"-7"|" 3 "|"1_0"|"x"|"0x1f", 16|"٣">)
int-of-float! 2 | int(<float>)
int-methods 1 | (<int>).<bit_length()|bit_count()|__index__()>
ord! 3 | ord(<str>[<index>])
text-find 2 | <str>.<find|count|rfind>(<str>)
bytes-index! 2 | <bytes>[<index>]
dict-index! 4 | <!dict>[<str>]
dict-get 5 | <!dict>.get(<str>, <int>)
dict-get 2 | <!dict>.setdefault(<str>, <int>)
dict-pop 1 | <!dict>.pop(<str>, <int>)
dict-values 2 | sum(<!dict>.values())
list-pop 3 | <!ints>.pop()
list-pop! 1 | <!ints>.pop(<index>)
list-methods! 2 | <!ints>.<index|count>(<int>)
deque-pop! 2 | <!deque>.<pop|popleft>()
heap-pop! 2 | heapq.heappop(<!heap>)
heap-pop 1 | heapq.<heappushpop|heapreplace>(<!heap>, <int>)
attribute 9 | <!obj>.<x|x|y|value|count>
attribute 2 | <!objs>[<index>].x
attribute 1 | getattr(<!obj>, <"x"|"nothing">, <int>)
method 5 | <!obj>.<step|add>(<int>)
method 1 | <!obj>.step(k=<int>)
attribute-of-class! 1 | type(<!obj>).<count|count|nothing>
helper-call 8 | <helper>(<int>)
helper-call 2 | with_defaults(<int>)
helper-call 2 | with_defaults(<int>, k=<int>)
helper-call! 1 | with_defaults(*<pair>)
helper-call 2 | variadic(<int>, <int>, name=<int>)
helper-call! 1 | variadic(*<ints>, **<dict>)
recursion 2 | recursive(<count>)
effect 6 | note(<int>)
call-of-value 4 | <!func>(<int>)
lambda 1 | @q:int (lambda <q>: <int>)(<int>)
frames 1 | caller_line()
global-name 6 | <LIMIT|LIMIT|FACTOR>
buffer-index! 5 | <!buffer>[<index>]
array-item! 2 | int(<!array>[<index>])
array-shape 1 | <!array>.<size|ndim|shape[0]>
random-int 2 | <!random>.<randrange(10)|randint(1, 6)|getrandbits(70)|choice([1, 2, 3])|randrange(2, 20, 3)>
random-module 1 | random.<randrange(10)|randint(1, 6)|getrandbits(5)>
math-int 2 | math.<gcd(12, 18)|isqrt(17)|factorial(6)|comb(5, 2)>
math-int 1 | math.gcd(<int>, <int>)
math-int 2 | math.<floor|ceil|trunc>(<num>)
math-int 1 | math.isqrt(abs(<int>))
walrus 2 | (<=int> := <bounded>)
next-of-generator 1 | @q:int next((<q> for <q> in <^ints> if <bool>), <int>)
int-of-bool 1 | (<bool>) + <int>
hash! 1 | hash(int(<int>))
"""

TEXTS["float"] = """
list-index 8 | @v=floats <v>[<int> % len(<v>)]
list-index 3 | <!floats>[<0|-1>]
array-item 8 | <!array>[<0|-1>]
array-item 5 | @v=array <v>[<int> % len(<v>)]
array-item 5 | <!matrix>[<0|1|-1>, <0|1|-1>]
math 6 | math.<sin|cos|atan|fabs|degrees|floor>(<float>)
math 3 | math.sqrt(abs(<num>))
float-division 3 | <num> / (1 + abs(<int>))
arithmetic 16 | <float> <+|-|*> <num>
float-division 5 | <num> / <2|4.0|0.5|-3|7>
float-division! 2 | <num> / <num>
list-index! 8 | <!floats>[<index>]
arithmetic 2 | <float> <//|%> <2.5|-3|0.1>
power! 1 | <float> ** <2|0.5|-1>
math! 6 | math.<sqrt|sin|cos|exp|atan|fabs|log1p|degrees>(<num>)
math! 2 | math.<hypot|atan2|copysign|fmod|pow>(<num>, <num>)
math 1 | math.<fsum|prod>(<floats>)
float-of 3 | float(<num>)
float-of! 1 | float(<"1.5"|"inf"|"1e400"|"x"|"-0.0">)
round 2 | round(<float>, <1|2|0|-1>)
sum 3 | sum(<floats>)
sum-of-generator 2 | @q:int sum(<float> for <q> in <^iterable>)
sum 1 | sum(<floats>, <0.0|0.5>)
min-max 2 | <min|max>(<float>, <num>)
conditional 2 | (<float> if <bool> else <num>)
random-float 2 | <!random>.<random()|uniform(1, 2)|gauss(0, 1)|expovariate(1.5)|triangular()>
random-module 1 | random.random()
attribute 3 | <!obj>.y
array-item! 4 | float(<!array>[<index>])
array-item! 4 | <!array>[<index>]
array-item! 3 | <!matrix>[<index>, <index>]
array-item! 1 | <!matrix>[<index>][<index>]
array-sum! 1 | <!array>.<sum()|max()|mean()>
complex-part 1 | (<complex>).<real|imag>
complex-part 1 | abs(<complex>)
global-name 3 | SCALE
effect 2 | note(<float>)
unary 2 | -<float>
float-methods 1 | (<float>).<is_integer()|as_integer_ratio()[0]|__trunc__()>
"""

TEXTS["num"] = """
num 3 | <int>
num 3 | <float>
num 1 | <bool>
"""

TEXTS["bool"] = """
comparison-of-lists 2 | <ints> <==|!=> <ints>
comparison 22 | <int> <cmp> <int>
comparison 5 | <num> <cmp> <num>
comparison-chained 4 | <int> <cmp> <int> <cmp> <int>
comparison 4 | <str> <==|!=> <str>
comparison 2 | <str> <cmp> <str>
comparison-of-lists! 3 | <ints> <cmp> <ints>
comparison-of-tuples 2 | <pair> <cmp> <pair>
boolean-operator 5 | (<bool> <and|or> <bool>)
not 4 | not <bool>
truth 3 | not <sequence>
truth 2 | bool(<any>)
in-list 6 | <int> <in|not in> <ints>
in-text 3 | <str> in <str>
in-dict 5 | <str> <in|not in> <!dict>
in-set 4 | <int> <in|not in> <!set>
in-tuple 2 | <int> in (1, 2, 3)
in-mixed 1 | <str> in <!mixed>
any-all 2 | @q:int <any|all>(<bool> for <q> in <^iterable>)
any-all 2 | @q:int <any|all>(<int> for <q> in <^iterable>)
any-all 1 | <any|all>(<filtered|closing>(<mixed>))
any-all 1 | <any|all>(<mixed>)
text-tests 3 | <str>.<isdigit|isalpha|isspace|isupper|isalnum|islower|isidentifier>()
text-tests 2 | <str>.<startswith|endswith>(<str>)
is-none 4 | <any> is <None|not None>
isinstance 3 | isinstance(<any>, <int|float|str|list|(int, float)|bool>)
type-test 1 | type(<any>) is <int|float|str|list|bool>
parity 5 | <int> % 2 == <0|1>
hasattr 1 | hasattr(<!obj>, <"x"|"nothing">)
set-test 1 | <set> <cmp> <set>
math-test 1 | math.<isnan|isfinite|isinf>(<num>)
is-same 1 | <!ints> is <!ints>
is-same 1 | <!obj> is <!obj>
"""

TEXTS["str"] = """
text-index 8 | @v=str <v>[<int> % len(<v>)]
text-index 3 | <!str>[<0|-1>]
list-index 4 | <!strs>[<0|-1>]
text-index! 8 | <str>[<index>]
text-slice 5 | <str>[<slice>]
concatenation 6 | <str> + <str>
repetition 1 | <str> * <0|1|2|-1|True>
f-string 5 | f"{<!int>}-{<!str>}"
f-string 2 | f"{<!int>:05d}{<!str>!r}"
f-string 2 | f"{<!float>:<.2f|8.3e|g|+.1%>}"
f-string 2 | f"{<!printable>!<r|s|a>}{<!str>:>4}"
percent-format 2 | "%s=%d" % (<str>, <int>)
percent-format! 1 | "%<s|d|.3f|r|x>" % <printable>
format-method 2 | "{}:{}".format(<str>, <int>)
join 4 | <","|""|"--">.join(<strs>)
join 3 | @q:int ",".join(str(<int>) for <q> in <^iterable>)
join 1 | @q:str "".join([<str> for <q> in <^str>])
str-of 5 | str(<int>)
str-of 2 | str(<printable>)
repr-of 1 | repr(<printable>)
chr 3 | chr(97 + <int> % 26)
chr! 1 | chr(<int>)
text-methods 6 | <str>.<upper|lower|strip|title|swapcase|casefold>()
text-methods 2 | <str>.replace(<str>, <str>)
text-methods 1 | <str>.<zfill(6)|ljust(5, "*")|center(7)|lstrip("a")|encode().hex()|removeprefix("a")|partition(",")[0]>
list-index! 4 | <!strs>[<index>]
conditional 2 | (<str> if <bool> else <str>)
boolean-operator 1 | (<str> or "none")
attribute 2 | <!obj>.name
type-name 1 | type(<any>).__name__
effect 2 | note(<str>)
min-max! 1 | <min|max>(<str>)
frames 1 | caller_name()
"""

TEXTS["bytes"] = """
bytes-slice 2 | <bytes>[<slice>]
bytes-of 2 | <str>.encode()
bytes-of! 1 | bytes(<ints>)
bytes-of 1 | <bytes> + <bytes>
bytes-methods 1 | <bytes>.<upper()|hex().encode()|strip()|replace(b"a", b"bb")>
"""

TEXTS["ints"] = """
generator 3 | list(<filtered|closing>(<ints>))
generator 1 | sorted(<filtered|closing>(<ints>))
generator! 2 | list(rising(<count>, <int>))[:9]
list-display 6 | [<int>, <int>, <int>]
list-display 1 | []
list-display 2 | [<int>, *<iterable>]
comprehension 8 | @q:int [<int> for <q> in <^iterable>]
comprehension 4 | @q:int [<int> for <q> in <^iterable> if <bool>]
comprehension 2 | @q:int @r:int [<int> for <q> in <^ints> for <r> in range(2)]
comprehension 1 | @q:int @r:int [<int> for <q>, <r> in zip(<^ints>, <^ints>)]
comprehension 1 | @q:int @r:int [<int> for <q>, <r> in enumerate(<^ints>)]
list-slice 5 | <!ints>[<slice>]
list-of 3 | list(<iterable>)
sorted 3 | sorted(<iterable>)
sorted! 1 | sorted(<ints>, reverse=<bool>)
sorted! 1 | @q:int sorted(<^ints>, key=lambda <q>: <int>)
sorted 1 | @q:int sorted(<int> for <q> in <^ints>)
list-of-generator 2 | @q:int list(<int> for <q> in <^iterable> if <bool>)
list-of-generator 1 | @q:int @r:int list(<q> + <r> for <q>, <r> in zip(<^ints>, <^ints>))
concatenation 3 | <ints> + <ints>
repetition 2 | [<int>] * <2|3|0|-1>
repetition 1 | [<int>] * <count>
copy 2 | <!ints>.copy()
nested-index 3 | <!grid>[<index>]
attribute 2 | <!obj>.items
map-filter 1 | @q:int list(map(lambda <q>: <int>, <^ints>))
map-filter 1 | @q:int list(filter(lambda <q>: <bool>, <^ints>))
helper-call 2 | <makes_list|keeps_list>(<ints>)
helper-generator 1 | list(produce(<count>))
dict-values 1 | list(<!dict>.values())
random-sample! 1 | <!random>.<sample|choices>([1, 2, 3, 4], k=2)
boolean-operator 1 | (<ints> or [0])
array-tolist 1 | <!array>.tolist()
"""

TEXTS["floats"] = """
list-display 4 | [<float>, <num>]
comprehension 5 | @q:int [<float> for <q> in <^iterable>]
comprehension 3 | @q:float [<float> for <q> in <^floats>]
list-slice 2 | <!floats>[<slice>]
repetition 2 | [0.0] * <count>
sorted 1 | sorted(<floats>)
"""

TEXTS["mixed"] = """
list-display 5 | [<int>, <str>, <float>, None]
list-display 2 | [<item>, <item>]
list-slice 2 | <!mixed>[<slice>]
comprehension 2 | @q:any [<item> for <q> in <^mixed>]
concatenation 1 | <mixed> + <ints>
list-of 1 | list(<sequence>)
"""

TEXTS["grid"] = """
nested-list 4 | @q [<ints> for <q> in range(<^count>)]
nested-list 3 | @q:int @r:int [[<int> for <q> in range(3)] for <r> in range(2)]
nested-list 2 | [<ints>, <ints>]
nested-list 2 | [[0] * 3 for _ in range(3)]
aliased-rows 2 | [<ints>] * <2|3>
list-slice 1 | <!grid>[<slice>]
list-of 1 | @q [<q>[:] for <q> in <^grid>]
"""

TEXTS["strs"] = """
split 4 | <str>.split(<|",">)
list-display 3 | [<str>, <str>]
comprehension 3 | @q:str [<str> for <q> in <^strs>]
comprehension 2 | @q:str [<q> for <q> in <^str> if <bool>]
list-of 2 | list(<str>)
list-of 1 | list(<!dict>)
sorted 2 | sorted(<strs>)
sorted 1 | sorted(<strs>, key=<len|str.lower|str>)
list-slice 1 | <!strs>[<slice>]
splitlines 1 | <str>.splitlines()
"""

TEXTS["pair"] = """
tuple-display 6 | (<int>, <int>)
tuple-of! 1 | tuple(<ints>)
tuple-of! 1 | @q:int tuple(<int> for <q> in <^iterable>)
concatenation! 1 | <pair> + <pair>
divmod 1 | divmod(<int>, <3|7|-2>)
min-max! 1 | <min|max>(<pairs>)
named-tuple 2 | Pair(<int>, <int>)
tuple-slice! 1 | <!pair>[<slice>]
attribute 1 | (<!obj>.x, <int>)
"""

TEXTS["pairs"] = """
zip 3 | list(zip(<ints>, <ints>))
enumerate 3 | list(enumerate(<iterable>))
comprehension 4 | @q:int [(<int>, <int>) for <q> in <^iterable>]
sorted 2 | sorted(<pairs>)
sorted 1 | @q sorted(<^pairs>, key=lambda <q>: <q>[<0|1|-1>])
list-display 2 | [<pair>, <pair>]
"""

TEXTS["dict"] = """
dict-display 4 | {<str>: <int>, <str>: <int>}
dict-display 2 | {}
dict-display 1 | {**<dict>, <str>: <int>}
dict-comprehension 3 | @q:str {<q>: <int> for <q> in <^strs>}
dict-comprehension 1 | @q:int {str(<q>): <int> for <q> in <^iterable> if <bool>}
dict-of 1 | dict(a=<int>, b=<int>)
dict-of 1 | dict(zip(<strs>, <ints>))
dict-merge 1 | <dict> | <dict>
counter 1 | Counter(<str>)
defaultdict 1 | defaultdict(int, <dict>)
copy 1 | <!dict>.copy()
"""

TEXTS["table"] = """
dict-display 3 | {<int>: <item>, <str>: <item>}
dict-display 2 | {<pair>: <int>, None: <int>}
dict-comprehension 2 | @q:int {<q>: <item> for <q> in <^iterable>}
defaultdict 2 | defaultdict(<list|int>)
hostile-key 1 | {<key>: <int>, <key>: <int>}
"""

TEXTS["set"] = """
set-display 3 | {<int>, <int>}
set-comprehension 3 | @q:int {<int> for <q> in <^iterable>}
set-of 2 | set(<iterable>)
set-of 1 | @q:int set(<int> for <q> in <^ints>)
set-operator 2 | <set> <setop> <set>
set-of 1 | frozenset(<ints>)
generator 1 | set(<filtered|closing>(<ints>))
"""

TEXTS["deque"] = """
deque 3 | deque(<ints>)
deque 1 | deque(<iterable>, maxlen=<3|5>)
"""

TEXTS["heap"] = """
heap 2 | sorted(<ints>)
heap! 1 | [<int>]
"""

TEXTS["array"] = """
array-make 3 | np.zeros(<3|4|(2,)>)
array-make 3 | np.array([1, 2, 3]<|, dtype="f4"|, dtype=object>)
array-make 1 | np.array(<floats>)
array-make 1 | np.array(<ints>)
array-make 2 | np.arange(<4|6>, dtype=<nptype>)
array-slice 3 | <!array>[<slice>]
array-slice 1 | <!array>[::-1]
array-slice 1 | <!matrix>[<index>]
array-expression 3 | <!array> <+|-|*> <num>
array-expression 1 | np.<abs|sqrt|sign>(<array>)
array-copy 1 | <!array>.copy()
array-make 1 | <!array>.astype(<nptype>)
"""

TEXTS["matrix"] = """
array-make 2 | np.zeros((3, 3))
array-make 2 | np.arange(6, dtype=<nptype>).reshape(2, 3)
array-slice 1 | <!matrix>.T
array-slice 1 | <!matrix>[<:, ::2|::-1|1:>]
array-expression 1 | <!matrix> * <num>
"""

TEXTS["buffer"] = """
buffer 2 | bytearray(<3|b"abcd">)
buffer 2 | array.array(<"b"|"i"|"q"|"d"|"B">, [1, 2, 3])
buffer 1 | memoryview(bytearray(b"abcdef"))<|[::2]>
buffer 1 | memoryview(array.array("i", [1, 2, 3]))
"""

TEXTS["obj"] = """
list-index 3 | <!objs>[<0|-1>]
construction 8 | <cls>(<int>)
construction 2 | <cls>(<int>, name=<str>)
list-index! 2 | <!objs>[<index>]
method 1 | <!obj>.twin()
construction 1 | type(<!obj>)(<int>)
tracked 1 | Tracked(<int>)
"""

TEXTS["objs"] = """
construction 4 | @q:int [<cls>(<int>) for <q> in <^iterable>]
construction 2 | [<obj>, <obj>]
aliased-rows 1 | [<obj>] * 2
sorted 1 | @q:obj sorted(<^objs>, key=lambda <q>: <q>.x)
"""

TEXTS["random"] = """
random-object 1 | random.Random(<1|7|12345>)
"""

TEXTS["func"] = """
lambda 4 | @q:int (lambda <q>: <int>)
lambda 1 | @q:int (lambda <q>, scale=<^int>: <int> * scale)
partial 2 | partial(with_defaults, k=<int>)
partial 1 | partial(variadic, <int>)
bound-method 3 | <!obj>.<step|add>
bound-method 1 | <!ints>.<count|append|index>
function-value 3 | <helper>
function-value 2 | <abs|int|str|note|math.floor>
closure 2 | make_adder(<int>)
"""

TEXTS["complex"] = """
complex 3 | complex(<num>, <num>)
complex 2 | <complex> <+|-|*> <complex>
complex 1 | <num> * <1j|(2-1j)>
complex! 1 | <complex> / <complex>
"""

TEXTS["sequence"] = """
sequence 5 | <!ints>
sequence 2 | <!floats>
sequence 3 | <str>
sequence 1 | <bytes>
sequence 2 | <!grid>
sequence 2 | <!mixed>
sequence 2 | <!dict>
sequence 1 | <!set>
sequence 1 | <!deque>
sequence 1 | <!array>
sequence 1 | <!buffer>
sequence 1 | <pair>
sequence 2 | <ints>
sequence 1 | <!strs>
"""

TEXTS["iterable"] = """
range 10 | range(<count>)
range 3 | range(<0|1|2>, <count>)
range 1 | range(<count>, <0|-1>, <-1|-2>)
iterable 10 | <!ints>
iterable 3 | <ints>
reversed 1 | reversed(<!ints>)
iterable 1 | <!set>
iterable 1 | <!deque>
iterable 1 | <pair>
dict-values 1 | <!dict>.values()
helper-generator 2 | produce(<count>)
generator 1 | @q:int (<int> for <q> in <^ints>)
map-filter 1 | map(<func>, <ints>)
iterable 1 | <!buffer>
hostile-iterator! 1 | Walk(<count>)
"""

TEXTS["any"] = """
any 8 | <int>
any 4 | <float>
any 4 | <str>
any 3 | <bool>
any 2 | None
any 4 | <ints>
any 2 | <pair>
any 1 | <complex>
any 1 | <bytes>
any 1 | <dict>
any 1 | <!obj>
any 2 | <!mixed>
any 3 | <!any>
any! 1 | <!mixed>[<index>]
any 1 | <!table>.get(<any>)
any! 1 | <!table>[<int>]
any! 1 | <!obj>.<nothing|extra|__dict__|__class__.__name__>
any 1 | <set>
slice-value 1 | slice(<index>, None)
range 1 | range(<count>)
"""

TEXTS["item"] = """
item 8 | <int>
item 4 | <float>
item 4 | <str>
item 2 | <bool>
item 1 | None
"""

TEXTS["slice"] = """
slice 4 | <index>:
slice 4 | :<index>
slice 2 | <index>:<index>
slice 2 | :
slice 2 | ::<-1|2|-2>
slice 1 | <index>:<index>:<-1|2|0>
slice 1 | None:<None|3>
"""

TEXTS["index"] = """
index 14 | <0|0|1|2|-1|-1|-2>
index 12 | <!count>
index 2 | <!count> - 1
index! 2 | <!int>
index 2 | <int> % 3
index! 1 | <True|False|7|-9>
index 1 | len(<!ints>) - 1
hostile-index! 1 | <2 ** 70|-2 ** 63|None|1.0|"a">
hostile-index! 2 | <Index(1)|HInt(1)|Index(-1)|Index(9)>
"""

TEXTS["count"] = """
count 8 | <!count>
count 8 | <2|3|4|5>
count 1 | <0|1|-1>
len 3 | len(<!ints>)
len 1 | len(<str>)
"""

TEXTS["key"] = """
key 1 | Key(<1|2|3>)
"""

FIXED: dict[str, list[str]] = {
    "cmp": ["<", "<=", ">", ">=", "==", "!=", "<", ">"],
    "bitop": ["&", "|", "^"],
    "setop": ["|", "&", "-", "^"],
    "shift": ["<<", ">>", ">>"],
}

NPTYPES = [
    "float",
    "np.int64",
    "np.int32",
    "np.int8",
    "np.uint8",
    "np.float32",
    "bool",
    "'>i4'",
    "'>f8'",
    "object",
    "np.uint64",
    "complex",
]

EXPRESSIONS: dict[str, Table] = {kind: expressions(text) for kind, text in TEXTS.items()}
