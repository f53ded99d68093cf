//! Mapping expressions in [CEL](https://github.com/google/cel-spec), with everything left out that has no
//! bound.
//!
//! An expression sees one variable, `claims`. Macros that loop, and functions whose result can be longer than
//! their arguments together, are refused when the configuration loads; so the work and the result of an
//! evaluation stay within the number of operators times the size of the claims, both capped here.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread;

use cel::common::ast::{EntryExpr, Expr};
use cel::{Context, Env, IdedExpr, Program, extensions};
use serde_json::Value;

use crate::model::identity::Claims;

/// Longest expression in bytes.
pub const MAX_SOURCE: usize = 1024;

/// Most brackets, question marks and prefix operators of an expression: its parser recurses for each.
const MAX_BRACKETS: usize = 32;

/// Deepest syntax tree.
const MAX_DEPTH: usize = 24;

/// Most additions: each may copy all that stands to its left.
const MAX_ADDITIONS: usize = 16;

/// Most bytes of claims that an expression sees, as JSON; a single claim beyond a quarter of it is hidden
/// from expressions.
const MAX_CLAIMS: usize = 32 * 1024;

/// The parser needs more stack than a thread usually has.
const STACK: usize = 16 << 20;

/// Operators and functions whose result is at most as long as their arguments together.
const ALLOWED: [&str; 35] = [
    "_?_:_",
    "_&&_",
    "_||_",
    "!_",
    "_-_",
    "_+_",
    "_*_",
    "_/_",
    "_%_",
    "_==_",
    "_!=_",
    "_>=_",
    "_<=_",
    "_>_",
    "_<_",
    "-_",
    "_[_]",
    "@in",
    "size",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "contains",
    "startsWith",
    "endsWith",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "lowerAscii",
    "upperAscii",
    "trim",
    "substring",
    "reverse",
];

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    // The functions of this library are declared once, on a fresh environment; a failure would show as an
    // unknown function.
    let _ = env.add_extension(extensions::strings);
    Arc::new(env)
});

/// A checked expression.
#[derive(Clone)]
pub struct Expression {
    source: String,
    program: Arc<Program>,
}

/// Why an expression is refused when it is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Longer than [`MAX_SOURCE`].
    #[error("the expression has {0} bytes; {MAX_SOURCE} are allowed")]
    TooLong(usize),
    /// More brackets than the parser can take.
    #[error("the expression nests too deeply")]
    TooDeep,
    /// More additions than the bound on its result allows.
    #[error("the expression adds more than {MAX_ADDITIONS} times")]
    TooManyAdditions,
    /// No CEL.
    #[error("the expression cannot be parsed: {0}")]
    Syntax(String),
    /// A macro that loops: `all`, `exists`, `exists_one`, `map`, `filter`.
    #[error("the expression uses a macro that loops over a list")]
    Loop,
    /// A function outside the closed list.
    #[error("the expression calls {0}, which is not among the bounded functions")]
    Function(String),
    /// A variable other than `claims`.
    #[error("the expression names {0}; the only variable is claims")]
    Variable(String),
    /// The system gave no thread to parse on.
    #[error("the expression could not be parsed: {0}")]
    NoThread(String),
}

/// The claims as expressions see them.
pub struct Input {
    claims: cel::Value,
    /// Claims too large for expressions.
    pub hidden: Vec<String>,
}

impl Input {
    /// Prepares claims; those that are too large are hidden, the last ones first when only their sum is too
    /// large.
    pub fn new(claims: &Claims) -> Self {
        let (mut kept, mut hidden, mut total) = (Claims::new(), Vec::new(), 0);
        for (name, value) in claims {
            let size = name.len() + value.to_string().len();
            if size > MAX_CLAIMS / 4 || total + size > MAX_CLAIMS {
                hidden.push(name.chars().take(64).collect());
            } else {
                total += size;
                kept.insert(name.clone(), value.clone());
            }
        }
        Self { claims: cel::to_value(Value::Object(kept)).unwrap_or(cel::Value::Null), hidden }
    }
}

impl Expression {
    /// Parses and checks an expression.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        if source.len() > MAX_SOURCE {
            return Err(ExpressionError::TooLong(source.len()));
        }
        if source.bytes().filter(|b| matches!(b, b'(' | b'[' | b'{' | b'?' | b'!')).count() > MAX_BRACKETS {
            return Err(ExpressionError::TooDeep);
        }
        let program = compile(source.to_owned())?;
        let mut additions = 0;
        check(program.expression(), 0, &mut additions)?;
        if let Some(other) = program.references().variables().into_iter().find(|name| *name != "claims") {
            return Err(ExpressionError::Variable(other.to_owned()));
        }
        Ok(Self { source: source.to_owned(), program: Arc::new(program) })
    }

    /// The value for these claims; the error says in the evaluator's words what went wrong, without any
    /// claim's value.
    pub fn evaluate(&self, input: &Input) -> Result<Value, &'static str> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_from_value("claims", input.claims.clone());
        let value = self.program.execute(&context).map_err(|error| reason(&error))?;
        value.json().map_err(|_| "its result has no JSON form")
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

fn compile(source: String) -> Result<Program, ExpressionError> {
    let parse = move || {
        ENVIRONMENT
            .compile(&source)
            .map_err(|errors| ExpressionError::Syntax(first_line(&errors.to_string())))
    };
    let thread = thread::Builder::new()
        .stack_size(STACK)
        .spawn(parse)
        .map_err(|error| ExpressionError::NoThread(error.to_string()))?;
    thread.join().unwrap_or_else(|_| Err(ExpressionError::Syntax("the parser gave up".into())))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

fn check(node: &IdedExpr, depth: usize, additions: &mut usize) -> Result<(), ExpressionError> {
    if depth > MAX_DEPTH {
        return Err(ExpressionError::TooDeep);
    }
    let mut each = |node: &IdedExpr| check(node, depth + 1, additions);
    match &node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Ok(()),
        Expr::Comprehension(_) => Err(ExpressionError::Loop),
        Expr::Struct(_) => Err(ExpressionError::Function("a message constructor".into())),
        Expr::Select(select) => each(&select.operand),
        Expr::List(list) => list.elements.iter().try_for_each(each),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => each(&entry.key).and_then(|()| each(&entry.value)),
            EntryExpr::StructField(_) => Err(ExpressionError::Function("a message constructor".into())),
        }),
        Expr::Call(call) => {
            call.target.iter().map(Box::as_ref).chain(&call.args).try_for_each(each)?;
            if !ALLOWED.contains(&call.func_name.as_str()) {
                return Err(ExpressionError::Function(call.func_name.chars().take(64).collect()));
            }
            *additions += usize::from(call.func_name == "_+_");
            if *additions > MAX_ADDITIONS { Err(ExpressionError::TooManyAdditions) } else { Ok(()) }
        }
    }
}

fn reason(error: &cel::ExecutionError) -> &'static str {
    use cel::ExecutionError as E;
    match error {
        E::NoSuchKey(_) => "a claim that it names is absent; guard it with has(claims.name)",
        E::NoSuchOverload(_)
        | E::UnsupportedBinaryOperator(..)
        | E::ValuesNotComparable(..)
        | E::UnexpectedType { .. } => "an operator or function was given a value of another type",
        E::IndexOutOfBounds(_) => "an index is out of bounds",
        E::DivisionByZero(_) | E::RemainderByZero(_) | E::Overflow(..) => "arithmetic failed",
        _ => "it could not be evaluated",
    }
}
