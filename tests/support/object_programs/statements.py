"""The statements that programs are made of, but for those of `blocks`.

`<bounded>` is an int that does not double its digits when a loop computes it again and again; `<short_str>` and
`<short_ints>` do not grow either.
"""

from __future__ import annotations

from tests.support.object_programs.grammar import statements

SIMPLE = statements("""
assign 16
<=int> = <bounded>

assign 5
<=float> = <float>

assign 2
<=bool> = <bool>

assign 5
<=str> = <short_str>

assign 5
<=ints> = <short_ints>

assign 2
<=floats> = <floats>

assign 2
<=mixed> = <mixed>

assign-nested 3
<=grid> = <grid>

assign 2
<=strs> = <strs>

assign 3
<=pair> = <pair>

assign 1
<=pairs> = <pairs>

assign-dict 3
<=dict> = <dict>

assign-dict 2
<=table> = <table>

assign-set 2
<=set> = <set>

assign-deque 2
<=deque> = <deque>

assign-heap 2
<=heap> = <heap>

assign-array 4
<=array> = <array>

assign-array 2
<=matrix> = <matrix>

assign-buffer 3
<=buffer> = <buffer>

assign-object 6
<=obj> = <obj>

assign-object 2
<=objs> = <objs>

assign-random 2
<=random> = <random>

assign-function 3
<=func> = <func>

assign-complex 2
<=complex> = <complex>

assign-any 2
<=any> = <any>

alias 3
<=ints> = <!ints>

alias 1
<=any> = <=ints> = <ints>

changes-type! 3
<!int> = <item>

changes-type! 1
<!ints> = <pair>

changes-type! 1
<!float> = <int>

augmented 16
<!int> <+|-|^|&>= <bounded>

augmented 2
<!int> <//|%>= <3|7|10>

augmented 1
<!int> >>= <1|3>

augmented 5
<!float> <+|-|*>= <num>

augmented 2
<!str> += <str>[:4]

augmented-list 2
@v=ints if len(<v>) < 20:
    <v> += <ints>

augmented-item 7
@v=ints <v>[<int> % len(<v>)] <+|-|^>= <bounded>

augmented-item 4
@v=dict @s=str <v>[<s>] = <v>.get(<s>, 0) + 1

augmented-item 4
@v=grid <v>[<0|-1>][<0|-1>] += <bounded>

augmented-item 4
<!array>[<0|-1>] <+|-|*>= <num>

store 12
@v=ints <v>[<int> % len(<v>)] = <bounded>

store 4
@v=floats <v>[<int> % len(<v>)] = <float>

store 4
@v=grid <v>[<0|-1>][<0|-1>] = <bounded>

swap 4
@v=ints <v>[0], <v>[-1] = <v>[-1], <v>[0]

list-pop 4
@v=ints if len(<v>) > 1:
    <=int> = <v>.pop()

set-methods 4
<!set>.<add|discard>(<int>)

array-store 8
<!array>[<0|-1>] = <num>

array-store 4
@v=array <v>[<int> % len(<v>)] = <num>

buffer-store 3
<!buffer>[<0|-1>] = <int> & 63

augmented-item! 7
<!ints>[<index>] <+|-|^>= <bounded>

augmented-item! 3
<!dict>[<str>] += <int>

augmented-item! 2
<!grid>[<index>][<index>] += <bounded>

augmented-item! 3
<!array>[<index>] <+|-|*|/|//>= <num>

store! 14
<!ints>[<index>] = <bounded>

store! 4
<!floats>[<index>] = <float>

store! 5
<!grid>[<index>][<index>] = <bounded>

store! 2
<!mixed>[<index>] = <item>

store 1
<!ints>[<index>] = <item>

store-slice! 3
<!ints>[<slice>] = <ints>[:5]

store-row! 1
<!grid>[<index>] = <ints>

swap! 4
@v=ints @i=count @j=count <v>[<i>], <v>[<j>] = <v>[<j>], <v>[<i>]

swap 2
@v=ints <v>[0], <v>[-1] = <v>[-1], <v>[0]

swap 3
<!int>, <!int> = <bounded>, <!int>

append 12
<!ints>.append(<bounded>)

append 2
<!mixed>.append(<item>)

append 2
<!strs>.append(<short_str>)

append 2
<!objs>.append(<obj>)

append 2
<!grid>.append(<ints>)

list-pop! 4
<=int> = <!ints>.pop(<|0|-1>)

list-methods 3
<!ints>.<insert(0, 5)|insert(-1, 7)|insert(99, 1)|reverse()|sort()|clear()>

list-methods 2
<!ints>.insert(<index>, <bounded>)

list-methods! 2
<!ints>.remove(<int>)

list-methods 1
@v=ints if len(<v>) < 20:
    <v>.extend(list(<iterable>))

sort! 1
<!mixed>.sort()

sort-key 1
@q <!ints>.sort(key=lambda <q>: note(<q>))

delete! 3
del <!ints>[<index>]

delete 1
del <!ints>[<slice>]

delete! 1
del <!dict>[<str>]

delete-name! 1
del <!any>

delete-attribute! 1
del <!obj>.<x|y|extra|items>

dict-store 7
<!dict>[<str>] = <bounded>

dict-store 3
<!table>[<int>] = <item>

dict-store! 1
<!table>[<key>] = <int>

dict-store! 1
<!table>[<any>] = <item>

dict-count 4
@v=dict @s=str <v>[<s>] = <v>.get(<s>, 0) + <int>

dict-methods! 2
<!dict>.<update(b=2)|pop("a")|pop("a", None)|popitem()|clear()>

dict-methods 1
<!table>.setdefault(<int>, []).append(<int>)

set-methods! 4
<!set>.<add|discard|remove>(<int>)

set-methods 1
<!set> <|=|-=|&=> <set>

deque-methods 4
<!deque>.<append|appendleft>(<bounded>)

deque-methods 1
<!deque>.rotate(<count>)

heap-push! 4
heapq.heappush(<!heap>, <bounded>)

heap-loop 2
while <!heap> and <bool>:
    <=int> = heapq.heappop(<!heap>)
    <loop>

deque-loop 2
while <!deque>:
    <=int> = <!deque>.<pop|popleft>()
    <loop>

array-store! 8
<!array>[<index>] = <num>

array-store! 3
<!matrix>[<index>, <index>] = <num>

array-store 1
<!array>[<slice>] = <num>

array-store! 1
<!array>.flags.writeable = <False|True>

buffer-store! 4
<!buffer>[<index>] = <int> <& 255|% 7| + 0>

buffer-resize! 1
<!buffer>.<append(3)|extend(b"ab")|pop()|release()>

attribute-store 6
<!obj>.x = <bounded>

attribute-store! 1
<!obj>.<y|extra|value|name> = <item>

attribute-augmented 7
<!obj>.x <+|-|^>= <bounded>

attribute-augmented 2
<!obj>.y <+|*>= <num>

attribute-container 4
<!obj>.items.append(<bounded>)

attribute-container! 2
<!obj>.items[<index>] = <bounded>

method-call 5
<!obj>.<step|add>(<int>)

class-change 1
type(<!obj>).<count|count|x> = <int>

class-change 1
@q type(<!obj>).step = lambda self, <q>=1: <int>

class-change 1
<!obj>.__class__ = <cls>

class-change 1
del type(<!obj>).<step|count>

class-change 1
setattr(<!obj>, <"x"|"extra"|"step">, <int>)

unpack 4
<=int>, <=int> = <int>, <int>

unpack 4
<=int>, <=int> = <pair>

unpack! 2
<=int>, *<=ints> = <ints>

unpack! 1
(<=int>, <=int>), <=int> = <pair>, <int>

unpack! 1
<=int>, <=any> = <item>, <any>

unpack! 1
[<=int>, *_, <=int>] = <iterable>

effect 8
note(<item>)

effect-call 4
<helper>(<int>)

effect-call 2
<!func>(<int>)

changes-list 3
<grows|shrinks>(<!ints>)

rebinds-global! 2
rebind(<item>)

global-store! 3
TOTALS[<index>] <+|-|^>= <bounded>

global-store 1
SEEN[<str>] = <bounded>

tracing 1
<trace_on|profile_on|trace_off>()

warns 1
warn(<str>)

random-methods 2
<!random>.<shuffle([1, 2, 3])|seed(3)>

random-methods! 2
<!random>.shuffle(<!ints>)

random-module 1
random.<seed(5)|shuffle([1, 2, 3])>

liveness 3
<=obj> = Tracked(<int>)

liveness 1
<!mixed>.append(Tracked(<int>))

liveness! 1
<!obj> = None
""")
