//! Everything a provider can do wrong, one variant per deed, with the case of the security catalogue it
//! belongs to.

use serde_json::Value;

/// Where a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    Discovery,
    Authorize,
    Token,
    /// Userinfo, or the profile call of an OAuth 2 vendor.
    Userinfo,
    Jwks,
    EndSession,
    /// GitHub's `/user/emails`.
    Emails,
    /// GitHub's `/user/orgs`.
    Organisations,
    /// Facebook's `debug_token`, Amazon's `tokeninfo`.
    TokenAudience,
    Elsewhere,
}

/// One evil deed. Several may be on at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Switch {
    // -- the browser's way back
    // ---------------------------------------------------------------------------------
    /// B-01: no `state` in the answer.
    StateMissing,
    /// B-01: another flow's `state`.
    State(String),
    /// B-02: two `code` parameters.
    CodeTwice,
    /// B-02: `code` and `error` together.
    CodeAndError,
    /// B-02: an `id_token` in the front channel besides the code.
    IdTokenInFront,
    /// A-59, B-03: the person cancels, or the provider fails, with this description.
    Error { error: String, description: String },
    /// B-09: `iss` of RFC 9207 with this value.
    IssParameter(String),
    /// B-09: `iss` promised by the metadata and left out.
    IssParameterMissing,
    /// B-20, B-21: answers with this code, minted elsewhere.
    Code(String),
    /// B-32: a form POST where a query was asked for, and the reverse.
    OtherResponseMode,
    /// B-32: form fields sent as `text/plain`.
    FormAsText,

    // -- discovery
    // ----------------------------------------------------------------------------------------------
    /// B-10: another `issuer` in the metadata.
    MetadataIssuer(String),
    /// B-22: this metadata member with this value.
    Metadata(String, Value),
    /// B-37: a metadata member left out.
    MetadataWithout(String),

    // -- ID token claims
    // ----------------------------------------------------------------------------------------
    /// B-04
    NonceWrong,
    /// B-05
    NonceMissing,
    /// B-06: wrong, and the token says that nonces are not supported.
    NonceWrongAndUnsupported,
    /// B-07
    IssMissing,
    /// B-07: with a trailing slash added.
    IssWithSlash,
    /// B-07: with `https` for `http`, or the reverse.
    IssOtherScheme,
    /// B-07: with upper-case letters.
    IssOtherCase,
    /// B-11
    SubMissing,
    /// B-12
    AudMissing,
    /// B-12: for a stranger.
    AudWrong,
    /// B-12: for us and a stranger, without `azp`.
    AudArrayWithStranger,
    /// B-12, B-14: for us and a stranger, `azp` being this.
    AudArrayWithAzp(String),
    /// B-15: expired an hour ago.
    Expired,
    /// Any claim with any value: B-07 `iss`, B-08 `tid`, B-11 `sub`, B-14 `azp`, B-15 `exp`, `iat`, `nbf`,
    /// B-39, B-49 …
    Claim(String, Value),
    /// Any claim left out: B-15 `iat`.
    ClaimMissing(String),
    /// B-26
    AtHashWrong,
    /// B-26
    AtHashMissing,
    /// E-05: a payload with a member given twice, the second time with this value.
    ClaimTwice(String, Value),
    /// B-24: answers with this ID token, issued in another flow.
    IdToken(String),
    /// No ID token in the token response.
    IdTokenMissing,

    // -- ID token signature
    // -------------------------------------------------------------------------------------
    /// B-16: `alg` in this spelling of none, with an empty signature.
    AlgNone(String),
    /// B-16: HS256 keyed with something public.
    HmacKeyedWith(PublicText),
    /// B-16, A-27: a valid signature under another algorithm than the provider's own.
    Alg(&'static str),
    /// B-17: this header member; a `jwk` carries the stranger's key, with which the token is then signed.
    Header(String, Value),
    /// B-17: header `jwk` with the key that signed.
    HeaderJwk,
    /// One flipped bit.
    SignatureBroken,
    /// No signature part.
    SignatureMissing,
    /// Signed by a key that is not in the key set, under the honest `kid`.
    SignedByStranger,
    /// B-19: a `kid` that no key set ever holds, another one each time.
    KidRandom,
    /// B-27
    KidMissing,
    /// B-28: signed by a published RSA key whose exponent is 1.
    KeyWithExponentOne,
    /// B-28: signed by a published RSA key of 1024 bits.
    KeyOf1024Bits,
    /// B-28: the key is published with `use` = `enc`.
    KeyForEncryption,
    /// B-28: these further members of the key set, first.
    ForeignKeys(Vec<Value>),
    /// B-28: this many copies of the key under other ids.
    ManyKeys(usize),

    // -- userinfo and profiles
    // ----------------------------------------------------------------------------------
    /// B-25
    UserinfoSub(Value),
    /// B-25
    UserinfoSubMissing,
    /// B-25: a JWT signed by a stranger.
    UserinfoSignedByStranger,
    /// A JWT signed with the honest key, for this audience.
    UserinfoSigned(String),
    /// Any userinfo or profile member.
    UserinfoClaim(String, Value),
    /// B-30: the access token belongs to another app.
    TokenOfOtherApp,
    /// B-30: the token check says that the token is not valid.
    TokenNotValid,
    /// An error in a 200 answer of the token endpoint, as GitHub sends.
    ErrorInOk(String),

    // -- sign-out
    // -----------------------------------------------------------------------------------------------
    /// The browser comes back without `state`.
    EndSessionStateMissing,
    /// The browser comes back with another `state`.
    EndSessionState(String),

    // -- transport
    // ----------------------------------------------------------------------------------------------
    /// B-34 to B-37: this trouble at this endpoint.
    At(Endpoint, Trouble),
}

/// Which public text keys the HMAC (PrOfESSOS key confusion).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublicText {
    Pem,
    Der,
    Modulus,
    JwkJson,
    Kty,
    Alg,
    Kid,
    Empty,
}

/// What goes wrong on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// This status with an OAuth error in JSON.
    Status(u16),
    /// Status 429 with `Retry-After`.
    TooManyRequests,
    /// The connection is cut without a byte.
    Reset,
    /// Half of the body, then the connection is cut.
    CutInTheMiddle,
    /// The request is read and never answered.
    Never,
    /// One byte of the body each 200 ms.
    DripsBody,
    /// Header lines without end, one each 200 ms.
    DripsHeaders,
    /// Header lines without end, as fast as they are read.
    EndlessHeaders,
    /// Spaces before the body without end, chunked.
    EndlessBody,
    /// A `Content-Length` of 1 GiB and that many bytes.
    HugeBody,
    /// Zeros without end, gzipped.
    GzipBomb,
    /// 100,000 opening brackets.
    DeepJson,
    /// A number of 100,000 digits.
    HugeNumber,
    /// Status 302 to this place.
    RedirectsTo(String),
    /// Status 307 to this place: a client that follows it repeats the code there.
    RedirectsPostTo(String),
    /// HTML with status 200.
    Html,
    /// This text with status 200 and a JSON content type.
    Json(String),
    /// Status 400 with an error whose description is this.
    ErrorDescription(String),
}
