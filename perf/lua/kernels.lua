-- The kernels in Lua, for Lua 5.4 and LuaJIT: lua5.4 kernels.lua NAME LOOPS ARGUMENT...
--
-- Runs a kernel LOOPS times and prints the processor's seconds of all runs, and the answer of the last.

local kernels = {}

function kernels.countdown(n)
  while n > 0 do
    n = n - 1
  end
  return n
end

function kernels.sum(n)
  local total = 0
  for i = 0, n - 1 do
    total = total + i * i % 7
  end
  return total
end

-- `//` is a syntax error in LuaJIT, whose numbers are doubles; there half of an even number is exact.
local collatz = [[
  local limit = ...
  local best, longest = 1, 0
  for start = 1, limit - 1 do
    local n, length = start, 1
    while n ~= 1 do
      if n % 2 == 0 then
        n = n // 2
      else
        n = 3 * n + 1
      end
      length = length + 1
    end
    if length > longest then
      longest = length
      best = start
    end
  end
  return best
]]
if math.type then
  kernels.collatz = load(collatz)
else
  kernels.collatz = loadstring((collatz:gsub("//", "/")))
end

function kernels.gcd(n, other)
  local total = 0
  for i = 0, n - 1 do
    local a, b = i, other
    while b ~= 0 do
      a, b = b, a % b
    end
    total = total + a
  end
  return total
end

function kernels.mandelbrot(width, height, limit)
  local total = 0
  for row = 0, height - 1 do
    local ci = 2.0 * row / height - 1.0
    for column = 0, width - 1 do
      local cr = 3.0 * column / width - 2.0
      local zr, zi = 0.0, 0.0
      local count = 0
      while count < limit and zr * zr + zi * zi <= 4.0 do
        zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
        count = count + 1
      end
      total = total + count
    end
  end
  return total
end

function kernels.logistic(r, x, n)
  for _ = 1, n do
    x = r * x * (1.0 - x)
  end
  return x
end

function kernels.fibonacci(n, a, b)
  while n ~= 0 do
    n, a, b = n - 1, b, (a + b) % 1000000007
  end
  return a
end

kernels["ping-pong"] = function(n)
  local ping = true
  while n ~= 0 do
    n = n - 1
    ping = not ping
  end
  return ping and 0 or 1
end

function kernels.primes(limit)
  local count = 0
  for n = 2, limit - 1 do
    local prime = true
    local d = 2
    while d * d <= n do
      if n % d == 0 then
        prime = false
        break
      end
      d = d + 1
    end
    if prime then
      count = count + 1
    end
  end
  return count
end

-- The same two as the tasks are written: by tail calls.

local function fibonacci(n, a, b)
  if n == 0 then
    return a
  end
  return fibonacci(n - 1, b, (a + b) % 1000000007)
end

local ping, pong

function ping(n)
  if n == 0 then
    return 0
  end
  return pong(n - 1)
end

function pong(n)
  if n == 0 then
    return 1
  end
  return ping(n - 1)
end

kernels["fibonacci by tail calls"] = fibonacci
kernels["ping-pong by tail calls"] = ping

local run, loops = kernels[arg[1]], tonumber(arg[2])
local arguments = {}
for place = 3, #arg do
  arguments[place - 2] = tonumber(arg[place])
end
local unpack = table.unpack or unpack

local answer
local begun = os.clock()
for _ = 1, loops do
  answer = run(unpack(arguments))
end
print(string.format("%.9f %.17g", os.clock() - begun, answer))
