//! Conditions, NULLs, tuples and lists.

use super::super::expr::Comparison;
use super::super::value::Value;
use super::{Function, MANY, number};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::nullable("if", 3, 3, |a| Ok(if a[0].truth() { a[1].clone() } else { a[2].clone() })),
    Function::nullable("multiIf", 3, MANY, multi_if),
    Function::nullable("coalesce", 1, MANY, |a| {
        Ok(a.iter().find(|value| !value.is_null()).cloned().unwrap_or(Value::Null))
    }),
    Function::nullable("ifNull", 2, 2, |a| Ok(if a[0].is_null() { a[1].clone() } else { a[0].clone() })),
    Function::nullable("nullIf", 2, 2, |a| {
        Ok(if Comparison::Equal.holds(&a[0], &a[1]) { Value::Null } else { a[0].clone() })
    }),
    Function::nullable("isNull", 1, 1, |a| Ok(Value::Bool(a[0].is_null()))),
    Function::nullable("isNotNull", 1, 1, |a| Ok(Value::Bool(!a[0].is_null()))),
    Function::nullable("assumeNotNull", 1, 1, |a| Ok(a[0].clone())),
    Function::nullable("toNullable", 1, 1, |a| Ok(a[0].clone())),
    Function::nullable("and", 1, MANY, |a| Ok(Value::Bool(a.iter().all(Value::truth)))),
    Function::nullable("or", 1, MANY, |a| Ok(Value::Bool(a.iter().any(Value::truth)))),
    Function::nullable("xor", 2, 2, |a| Ok(Value::Bool(a[0].truth() != a[1].truth()))),
    Function::nullable("not", 1, 1, |a| Ok(Value::Bool(!a[0].truth()))),
    Function::nullable("toBool", 1, 1, |a| Ok(Value::Bool(a[0].truth()))),
    Function::nullable("tuple", 0, MANY, |a| Ok(Value::List(a.into()))),
    Function::nullable("array", 0, MANY, |a| Ok(Value::List(a.into()))),
    Function::nullable("has", 2, 2, |a| Ok(Value::Bool(contains(&a[0], &a[1])))),
    Function::nullable("in", 2, 2, |a| Ok(Value::Bool(contains(&a[1], &a[0])))),
    Function::nullable("notIn", 2, 2, |a| Ok(Value::Bool(!contains(&a[1], &a[0])))),
    Function::new("arrayElement", 2, 2, element),
    Function::new("tupleElement", 2, 2, element),
];

fn multi_if(arguments: &[Value]) -> Result<Value, String> {
    if arguments.len().is_multiple_of(2) {
        return Err("it takes pairs of condition and value, then the value otherwise".to_owned());
    }
    let pairs = arguments.chunks_exact(2);
    let otherwise = pairs.remainder().first().cloned().unwrap_or(Value::Null);
    Ok(arguments.chunks_exact(2).find(|pair| pair[0].truth()).map_or(otherwise, |pair| pair[1].clone()))
}

fn contains(list: &Value, wanted: &Value) -> bool {
    match list {
        Value::List(items) => items.iter().any(|item| Comparison::Equal.holds(wanted, item)),
        single => Comparison::Equal.holds(wanted, single),
    }
}

fn element(arguments: &[Value]) -> Result<Value, String> {
    let Value::List(items) = &arguments[0] else { return Err(format!("{} is not a list", arguments[0].type_name())) };
    let at = number(&arguments[1])? as i64;
    let place = if at > 0 { at - 1 } else { items.len() as i64 + at };
    Ok(usize::try_from(place).ok().and_then(|place| items.get(place)).cloned().unwrap_or(Value::Null))
}
