//! `Rfc2898DeriveBytes`: keys from passwords (PBKDF2), by aws-lc-rs.

use crate::expr::eval::{Args, Cx, R, Throw, null_reference, throw};
use crate::expr::table::crypto::{null, random_bytes};
use crate::expr::table::rsa::{has_no_name, hash_name};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use aws_lc_rs::pbkdf2::{
    self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512,
};
use bytes::Bytes;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::rc::Rc;

/// Steps of the evaluation per iteration of one block of SHA-256. A derivation cannot be interrupted: with these, the
/// longest that is not refused takes a tenth of a second.
const STEPS: usize = 1;
/// The same for the other hashes, which are slower.
const STEPS_OF_OTHERS: usize = 2;
/// What .NET takes when nothing is said.
const DEFAULT_ITERATIONS: i64 = 1000;

/// A derivation and how much of it was read.
struct Derivation {
    password: Bytes,
    salt: RefCell<Bytes>,
    iterations: Cell<NonZeroU32>,
    hash: &'static str,
    read: Cell<usize>,
    /// Once disposed: how many bytes of the last block were not read, which are cleared.
    cleared: Cell<Option<usize>>,
}

impl Derivation {
    /// Begins anew: nothing was read.
    fn restart(&self) {
        self.read.set(0);
        if self.cleared.get().is_some() {
            self.cleared.set(Some(0));
        }
    }
}

impl std::fmt::Debug for Derivation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rfc2898DeriveBytes")
    }
}

impl Object for Derivation {
    fn ty(&self) -> Ty {
        Ty::class("Rfc2898DeriveBytes")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn out_of_range(parameter: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("Positive number required. (Parameter '{parameter}')"),
    )
}

fn salt_of(a: &Args<'_>, i: usize) -> Result<Bytes, Throw> {
    let salt = a.bytes(i).map_err(|_| null("salt"))?;
    if salt.len() < 8 {
        return Err(throw(
            "ArgumentException",
            "Salt is not at least eight bytes. (Parameter 'salt')",
        ));
    }
    Ok(salt)
}

fn iterations(n: i64) -> Result<NonZeroU32, Throw> {
    u32::try_from(n)
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or_else(|| out_of_range("iterations"))
}

/// `new(password, salt or its size[, iterations[, hash]])`; the password may be `bytes`.
fn made(cx: &mut Cx<'_>, a: &Args<'_>, bytes: bool) -> R {
    let password = || match a.get(0) {
        Value::Str(s) => Ok(Bytes::copy_from_slice(s.as_bytes())),
        v => v.as_bytes().ok_or_else(|| null("password")),
    };
    let rounds = if a.len() > 2 {
        a.int(2)
    } else {
        DEFAULT_ITERATIONS
    };
    let (password, salt, rounds) = match a.get(1) {
        // A size is looked at before the password.
        Value::Int(n) => {
            let size = usize::try_from(n).map_err(|_| out_of_range("saltSize"))?;
            if size < 8 {
                return Err(throw(
                    "ArgumentException",
                    "Salt is not at least eight bytes. (Parameter 'saltSize')",
                ));
            }
            let rounds = iterations(rounds)?;
            cx.charge(size)?;
            let salt = Bytes::from(random_bytes(size)?);
            (password()?, salt, rounds)
        }
        // A password of bytes is looked at last, without a word.
        _ if bytes => {
            let salt = salt_of(a, 1)?;
            let rounds = iterations(rounds)?;
            let password = password().map_err(|_| null_reference())?;
            (password, salt, rounds)
        }
        _ => {
            let password = password()?;
            let salt = salt_of(a, 1)?;
            (password, salt, iterations(rounds)?)
        }
    };
    let hash = match a.len() {
        4 if has_no_name(a, 3) => {
            return Err(throw(
                "CryptographicException",
                "The hash algorithm name cannot be null or empty.",
            ));
        }
        4 => {
            let name = hash_name(a, 3)?;
            algorithm(name)?;
            name
        }
        _ => "SHA1",
    };
    Ok(Value::Object(Rc::new(Derivation {
        password,
        salt: RefCell::new(salt),
        iterations: Cell::new(rounds),
        hash,
        read: Cell::new(0),
        cleared: Cell::new(None),
    })))
}

/// The algorithm of a hash, and the bytes of one of its blocks.
fn algorithm(hash: &str) -> Result<(pbkdf2::Algorithm, usize), Throw> {
    Ok(match hash {
        "SHA1" => (PBKDF2_HMAC_SHA1, 20),
        "SHA256" => (PBKDF2_HMAC_SHA256, 32),
        "SHA384" => (PBKDF2_HMAC_SHA384, 48),
        "SHA512" => (PBKDF2_HMAC_SHA512, 64),
        other => {
            return Err(throw(
                "CryptographicException",
                format!("'{other}' is not a known hash algorithm."),
            ));
        }
    })
}

/// The bytes from `from` on.
fn derive(cx: &mut Cx<'_>, d: &Derivation, from: usize, count: usize) -> Result<Bytes, Throw> {
    let (algorithm, block) = algorithm(d.hash)?;
    let to = from.saturating_add(count);
    cx.charge(to)?;
    let rounds = usize::try_from(d.iterations.get().get()).unwrap_or(usize::MAX);
    let steps = if block == 32 { STEPS } else { STEPS_OF_OTHERS };
    cx.step(
        to.div_ceil(block)
            .saturating_mul(rounds.saturating_mul(steps)),
    )?;
    let mut out = vec![0; to];
    pbkdf2::derive(
        algorithm,
        d.iterations.get(),
        &d.salt.borrow(),
        &d.password,
        &mut out,
    );
    Ok(Bytes::from(out).slice(from..))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Derivation, Throw> {
    a.object::<Derivation>(0)
}

fn made_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    made(cx, a, false)
}

fn made_of_bytes(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    made(cx, a, true)
}

pub(super) const DERIVE: &[Row] = &[
    m("new(string password, byte[] salt)", made_row),
    m("new(string password, int saltSize)", made_row),
    m(
        "new(string password, byte[] salt, int iterations)",
        made_row,
    ),
    m(
        "new(byte[] password, byte[] salt, int iterations)",
        made_of_bytes,
    ),
    m(
        "new(string password, int saltSize, int iterations)",
        made_row,
    ),
    m(
        "new(string password, byte[] salt, int iterations, HashAlgorithmName hashAlgorithm)",
        made_row,
    ),
    m(
        "new(byte[] password, byte[] salt, int iterations, HashAlgorithmName hashAlgorithm)",
        made_of_bytes,
    ),
    m(
        "new(string password, int saltSize, int iterations, HashAlgorithmName hashAlgorithm)",
        made_row,
    ),
    m("byte[] GetBytes(int cb)", |cx, a| {
        let count = usize::try_from(a.int(1)).unwrap_or(0);
        if count == 0 {
            return Err(out_of_range("cb"));
        }
        let d = this(a)?;
        if let Some(left) = d.cleared.get() {
            // The hash is gone; what was left of the last block is zeros.
            d.cleared.set(Some(left.saturating_sub(count)));
            return match count <= left {
                true => Ok(Value::Bytes(vec![0; count].into())),
                false => Err(null_reference()),
            };
        }
        let bytes = derive(cx, d, d.read.get(), count)?;
        d.read.set(d.read.get().saturating_add(count));
        Ok(Value::Bytes(bytes))
    }),
    m("void Reset()", |_, a| {
        this(a)?.restart();
        Ok(Value::Null)
    }),
    m("byte[] Salt", |_, a| {
        Ok(Value::Bytes(this(a)?.salt.borrow().clone()))
    }),
    m("set byte[] Salt", |_, a| {
        let salt = salt_of(a, 1)?;
        let d = this(a)?;
        d.salt.replace(salt);
        d.restart();
        Ok(Value::Null)
    }),
    m("int IterationCount", |_, a| {
        let n = this(a)?.iterations.get().get();
        Ok(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
    }),
    m("set int IterationCount", |_, a| {
        let d = this(a)?;
        d.iterations.set(iterations(a.int(1))?);
        d.restart();
        Ok(Value::Null)
    }),
    m("HashAlgorithmName HashAlgorithm", |_, a| {
        Ok(crate::expr::table::rsa::hash_name_value(this(a)?.hash))
    }),
    m("void Dispose()", |_, a| {
        let d = this(a)?;
        if d.cleared.get().is_none() {
            let block = algorithm(d.hash).map_or(1, |(_, block)| block);
            d.cleared.set(Some((block - d.read.get() % block) % block));
        }
        Ok(Value::Null)
    }),
];
