//! Arithmetic and conversions to numbers.

use super::super::value::{Value, shifted};
use super::{Function, MANY, number};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("plus", 2, 2, |a| add(&a[0], &a[1])),
    Function::new("minus", 2, 2, |a| subtract(&a[0], &a[1])),
    Function::new("multiply", 2, 2, |a| arithmetic(&a[0], &a[1], i64::checked_mul, |x, y| x * y)),
    Function::new("divide", 2, 2, |a| Ok(Value::Float(number(&a[0])? / number(&a[1])?))),
    Function::new("intDiv", 2, 2, |a| whole_division(&a[0], &a[1], i64::checked_div)),
    Function::new("modulo", 2, 2, modulo),
    Function::new("negate", 1, 1, |a| match &a[0] {
        Value::Int(whole) => Ok(Value::Int(-whole)),
        other => Ok(Value::Float(-number(other)?)),
    }),
    Function::new("abs", 1, 1, |a| match &a[0] {
        Value::Int(whole) => Ok(Value::Int(whole.abs())),
        other => Ok(Value::Float(number(other)?.abs())),
    }),
    Function::new("sqrt", 1, 1, |a| Ok(Value::Float(number(&a[0])?.sqrt()))),
    Function::new("exp", 1, 1, |a| Ok(Value::Float(number(&a[0])?.exp()))),
    Function::new("log", 1, 1, |a| Ok(Value::Float(number(&a[0])?.ln()))),
    Function::new("log2", 1, 1, |a| Ok(Value::Float(number(&a[0])?.log2()))),
    Function::new("log10", 1, 1, |a| Ok(Value::Float(number(&a[0])?.log10()))),
    Function::new("pow", 2, 2, |a| Ok(Value::Float(number(&a[0])?.powf(number(&a[1])?)))),
    Function::new("power", 2, 2, |a| Ok(Value::Float(number(&a[0])?.powf(number(&a[1])?)))),
    Function::new("round", 1, 2, |a| rounded(a, f64::round)),
    Function::new("floor", 1, 2, |a| rounded(a, f64::floor)),
    Function::new("ceil", 1, 2, |a| rounded(a, f64::ceil)),
    Function::new("greatest", 1, MANY, |a| Ok(extreme(a, std::cmp::Ordering::Greater))),
    Function::new("least", 1, MANY, |a| Ok(extreme(a, std::cmp::Ordering::Less))),
    Function::nullable("toInt", 1, 1, |a| Ok(whole(&a[0]))),
    Function::nullable("toInt64", 1, 1, |a| Ok(whole(&a[0]))),
    Function::nullable("toIntOrZero", 1, 1, |a| Ok(or(whole(&a[0]), Value::Int(0)))),
    Function::nullable("toFloat", 1, 1, |a| Ok(float(&a[0]))),
    Function::nullable("toFloat64", 1, 1, |a| Ok(float(&a[0]))),
    Function::nullable("toFloatOrZero", 1, 1, |a| Ok(or(float(&a[0]), Value::Float(0.0)))),
    Function::nullable("toFloatOrDefault", 1, 2, |a| Ok(or(float(&a[0]), a.get(1).map_or(Value::Float(0.0), float)))),
    Function::nullable("toFloat64OrNull", 1, 1, |a| Ok(float(&a[0]))),
    Function::new("isNaN", 1, 1, |a| Ok(Value::Bool(number(&a[0])?.is_nan()))),
    Function::new("isFinite", 1, 1, |a| Ok(Value::Bool(number(&a[0])?.is_finite()))),
];

fn or(value: Value, default: Value) -> Value {
    if value.is_null() { default } else { value }
}

fn whole(value: &Value) -> Value {
    match value {
        Value::Int(_) => value.clone(),
        _ => value.number().filter(|number| number.is_finite()).map_or(Value::Null, |number| Value::Int(number as i64)),
    }
}

fn float(value: &Value) -> Value {
    value.number().map_or(Value::Null, Value::Float)
}

fn arithmetic(
    a: &Value,
    b: &Value,
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    if let (Value::Int(x), Value::Int(y)) = (a, b)
        && let Some(result) = ints(*x, *y)
    {
        return Ok(Value::Int(result));
    }
    Ok(Value::Float(floats(number(a)?, number(b)?)))
}

fn add(a: &Value, b: &Value) -> Result<Value, String> {
    match (a, b) {
        (Value::Time(_) | Value::Date(_), _) => moved(a, b, 1),
        (_, Value::Time(_) | Value::Date(_)) => moved(b, a, 1),
        _ => arithmetic(a, b, i64::checked_add, |x, y| x + y),
    }
}

fn subtract(a: &Value, b: &Value) -> Result<Value, String> {
    match (a, b) {
        (Value::Time(x), Value::Time(y)) => Ok(Value::Int((x - y).div_euclid(1_000))),
        (Value::Date(x), Value::Date(y)) => Ok(Value::Int(x - y)),
        (Value::Time(_) | Value::Date(_), _) => moved(a, b, -1),
        _ => arithmetic(a, b, i64::checked_sub, |x, y| x - y),
    }
}

/// An instant moved by a span or by seconds; a day moved by a span or by days.
fn moved(from: &Value, by: &Value, sign: i64) -> Result<Value, String> {
    const DAY_MS: i64 = crate::time::DAY_MS;
    Ok(match (from, by) {
        (Value::Time(ms), Value::Span(span)) => Value::Time(shifted(*ms, *span, sign)),
        (Value::Date(days), Value::Span(span)) if span.ms % DAY_MS == 0 => {
            Value::Date(shifted(days * DAY_MS, *span, sign).div_euclid(DAY_MS))
        }
        (Value::Date(days), Value::Span(span)) => Value::Time(shifted(days * DAY_MS, *span, sign)),
        (Value::Time(ms), other) => Value::Time(ms + sign * (number(other)? * 1_000.0) as i64),
        (Value::Date(days), other) => Value::Date(days + sign * number(other)? as i64),
        _ => return Err("cannot move this value in time".to_owned()),
    })
}

fn whole_division(a: &Value, b: &Value, divide: fn(i64, i64) -> Option<i64>) -> Result<Value, String> {
    let (x, y) = (number(a)?.trunc() as i64, number(b)?.trunc() as i64);
    divide(x, y).map(Value::Int).ok_or_else(|| "Division by zero".to_owned())
}

fn modulo(arguments: &[Value]) -> Result<Value, String> {
    match (&arguments[0], &arguments[1]) {
        (Value::Int(_), Value::Int(_)) => whole_division(&arguments[0], &arguments[1], i64::checked_rem),
        (a, b) => Ok(Value::Float(number(a)? % number(b)?)),
    }
}

fn rounded(arguments: &[Value], how: fn(f64) -> f64) -> Result<Value, String> {
    let digits = arguments.get(1).map(number).transpose()?.unwrap_or(0.0).clamp(-15.0, 15.0) as i32;
    if let (Value::Int(_), true) = (&arguments[0], digits >= 0) {
        return Ok(arguments[0].clone());
    }
    let scale = 10f64.powi(digits);
    Ok(Value::Float(how(number(&arguments[0])? * scale) / scale))
}

fn extreme(values: &[Value], wanted: std::cmp::Ordering) -> Value {
    let better = |best: Value, value: &Value| if value.compare(&best) == Some(wanted) { value.clone() } else { best };
    values.iter().skip(1).fold(values[0].clone(), better)
}
