;; The kernels in WebAssembly, written by hand: each the Python function, operation by operation, with int as i64 and
;; float as f64, and without Python's rules: an overflow wraps around, and division rounds towards zero. A loop has its
;; test at its end, as compilers place it; Mandelbrot's two are at the start, which is faster in wasm3.
(module
  (func (export "countdown") (param $n i64) (result i64)
    (if (i64.gt_s (local.get $n) (i64.const 0))
      (then
        (loop $again
          (local.set $n (i64.sub (local.get $n) (i64.const 1)))
          (br_if $again (i64.gt_s (local.get $n) (i64.const 0))))))
    (local.get $n))

  (func (export "sum") (param $n i64) (result i64)
    (local $i i64) (local $total i64)
    (if (i64.lt_s (local.get $i) (local.get $n))
      (then
        (loop $again
          (local.set $total
            (i64.add (local.get $total) (i64.rem_s (i64.mul (local.get $i) (local.get $i)) (i64.const 7))))
          (local.set $i (i64.add (local.get $i) (i64.const 1)))
          (br_if $again (i64.lt_s (local.get $i) (local.get $n))))))
    (local.get $total))

  (func (export "collatz") (param $limit i64) (result i64)
    (local $start i64) (local $n i64) (local $length i64) (local $longest i64) (local $best i64)
    (local.set $best (i64.const 1))
    (local.set $start (i64.const 1))
    (if (i64.lt_s (local.get $start) (local.get $limit))
      (then
        (loop $starts
          (local.set $n (local.get $start))
          (local.set $length (i64.const 1))
          (if (i64.ne (local.get $n) (i64.const 1))
            (then
              (loop $chain
                (if (i64.eqz (i64.rem_s (local.get $n) (i64.const 2)))
                  (then (local.set $n (i64.div_s (local.get $n) (i64.const 2))))
                  (else (local.set $n (i64.add (i64.mul (i64.const 3) (local.get $n)) (i64.const 1)))))
                (local.set $length (i64.add (local.get $length) (i64.const 1)))
                (br_if $chain (i64.ne (local.get $n) (i64.const 1))))))
          (if (i64.gt_s (local.get $length) (local.get $longest))
            (then
              (local.set $longest (local.get $length))
              (local.set $best (local.get $start))))
          (local.set $start (i64.add (local.get $start) (i64.const 1)))
          (br_if $starts (i64.lt_s (local.get $start) (local.get $limit))))))
    (local.get $best))

  (func (export "gcd") (param $n i64) (param $other i64) (result i64)
    (local $i i64) (local $a i64) (local $b i64) (local $rest i64) (local $total i64)
    (if (i64.lt_s (local.get $i) (local.get $n))
      (then
        (loop $again
          (local.set $a (local.get $i))
          (local.set $b (local.get $other))
          (if (i64.ne (local.get $b) (i64.const 0))
            (then
              (loop $euclid
                (local.set $rest (i64.rem_s (local.get $a) (local.get $b)))
                (local.set $a (local.get $b))
                (local.set $b (local.get $rest))
                (br_if $euclid (i64.ne (local.get $b) (i64.const 0))))))
          (local.set $total (i64.add (local.get $total) (local.get $a)))
          (local.set $i (i64.add (local.get $i) (i64.const 1)))
          (br_if $again (i64.lt_s (local.get $i) (local.get $n))))))
    (local.get $total))

  (func (export "mandelbrot") (param $width i64) (param $height i64) (param $limit i64) (result i64)
    (local $row i64) (local $column i64) (local $count i64) (local $total i64)
    (local $ci f64) (local $cr f64) (local $zr f64) (local $zi f64) (local $next f64)
    (loop $rows
      (if (i64.lt_s (local.get $row) (local.get $height))
        (then
          (local.set $ci
            (f64.sub
              (f64.div
                (f64.mul (f64.const 2) (f64.convert_i64_s (local.get $row)))
                (f64.convert_i64_s (local.get $height)))
              (f64.const 1)))
          (local.set $column (i64.const 0))
          (loop $columns
            (if (i64.lt_s (local.get $column) (local.get $width))
              (then
                (local.set $cr
                  (f64.sub
                    (f64.div
                      (f64.mul (f64.const 3) (f64.convert_i64_s (local.get $column)))
                      (f64.convert_i64_s (local.get $width)))
                    (f64.const 2)))
                (local.set $zr (f64.const 0))
                (local.set $zi (f64.const 0))
                (local.set $count (i64.const 0))
                (block $escaped
                  (loop $again
                    (br_if $escaped (i64.ge_s (local.get $count) (local.get $limit)))
                    (br_if $escaped
                      (f64.gt
                        (f64.add
                          (f64.mul (local.get $zr) (local.get $zr))
                          (f64.mul (local.get $zi) (local.get $zi)))
                        (f64.const 4)))
                    (local.set $next
                      (f64.add
                        (f64.sub
                          (f64.mul (local.get $zr) (local.get $zr))
                          (f64.mul (local.get $zi) (local.get $zi)))
                        (local.get $cr)))
                    (local.set $zi
                      (f64.add
                        (f64.mul (f64.mul (f64.const 2) (local.get $zr)) (local.get $zi))
                        (local.get $ci)))
                    (local.set $zr (local.get $next))
                    (local.set $count (i64.add (local.get $count) (i64.const 1)))
                    (br $again)))
                (local.set $total (i64.add (local.get $total) (local.get $count)))
                (local.set $column (i64.add (local.get $column) (i64.const 1)))
                (br $columns))))
          (local.set $row (i64.add (local.get $row) (i64.const 1)))
          (br $rows))))
    (local.get $total))

  (func (export "logistic") (param $r f64) (param $x f64) (param $n i64) (result f64)
    (local $i i64)
    (if (i64.lt_s (local.get $i) (local.get $n))
      (then
        (loop $again
          (local.set $x
            (f64.mul (f64.mul (local.get $r) (local.get $x)) (f64.sub (f64.const 1) (local.get $x))))
          (local.set $i (i64.add (local.get $i) (i64.const 1)))
          (br_if $again (i64.lt_s (local.get $i) (local.get $n))))))
    (local.get $x))

  (func (export "fibonacci") (param $n i64) (param $a i64) (param $b i64) (result i64)
    (local $next i64)
    (if (i64.ne (local.get $n) (i64.const 0))
      (then
        (loop $again
          (local.set $next (i64.rem_s (i64.add (local.get $a) (local.get $b)) (i64.const 1000000007)))
          (local.set $n (i64.sub (local.get $n) (i64.const 1)))
          (local.set $a (local.get $b))
          (local.set $b (local.get $next))
          (br_if $again (i64.ne (local.get $n) (i64.const 0))))))
    (local.get $a))

  (func (export "ping-pong") (param $n i64) (result i64)
    (local $ping i32)
    (local.set $ping (i32.const 1))
    (if (i64.ne (local.get $n) (i64.const 0))
      (then
        (loop $again
          (local.set $n (i64.sub (local.get $n) (i64.const 1)))
          (local.set $ping (i32.eqz (local.get $ping)))
          (br_if $again (i64.ne (local.get $n) (i64.const 0))))))
    (select (i64.const 0) (i64.const 1) (local.get $ping)))

  (func (export "primes") (param $limit i64) (result i64)
    (local $n i64) (local $d i64) (local $count i64)
    (local.set $n (i64.const 2))
    (if (i64.lt_s (local.get $n) (local.get $limit))
      (then
        (loop $numbers
          (block $composite
            (local.set $d (i64.const 2))
            (if (i64.le_s (i64.mul (local.get $d) (local.get $d)) (local.get $n))
              (then
                (loop $again
                  (br_if $composite (i64.eqz (i64.rem_s (local.get $n) (local.get $d))))
                  (local.set $d (i64.add (local.get $d) (i64.const 1)))
                  (br_if $again (i64.le_s (i64.mul (local.get $d) (local.get $d)) (local.get $n))))))
            (local.set $count (i64.add (local.get $count) (i64.const 1))))
          (local.set $n (i64.add (local.get $n) (i64.const 1)))
          (br_if $numbers (i64.lt_s (local.get $n) (local.get $limit))))))
    (local.get $count)))
