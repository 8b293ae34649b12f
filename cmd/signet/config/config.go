package config

import (
	"net/netip"
	"time"
)

// Config is every setting. Tags: key is the name in signet.yaml (groups nest),
// env the variables that set it, first one first (default: SIGNET_ and the key
// in upper case), flag the command-line flag ("-": none; default: the first
// variable without SIGNET_, in lower case), default its value as text, doc one
// sentence for the reference, enum the values allowed. Secret fields are
// redacted everywhere and have a *_FILE twin in the environment.
type Config struct {
	Issuer string `key:"issuer" env:"SIGNET_ISSUER" doc:"The URL people and clients know this provider by. It alone decides links, cookies, redirects and token claims. https unless it is a loopback address. Without it: http://localhost and the port of addr."`
	Dev    bool   `key:"dev" env:"-" default:"false" doc:"Development: demo data, mail shown at /dev/inbox. Loopback only, SQLite only, never for production."`

	Server    Server    `key:"server"`
	TLS       TLS       `key:"tls"`
	Database  Database  `key:"database"`
	Redis     Redis     `key:"redis"`
	Kafka     Kafka     `key:"kafka"`
	MasterKey Secret    `key:"master_key" env:"SIGNET_MASTER_KEY" flag:"-" doc:"Seals signing keys and secrets at rest: id:base64 of 32 bytes, several comma-separated, the first seals. Required with PostgreSQL; with SQLite one is made beside the file."`
	SMTP      SMTP      `key:"smtp"`
	SMS       SMS       `key:"sms"`
	Accounts  Accounts  `key:"accounts"`
	Hooks     Hooks     `key:"hooks"`
	Webhooks  Webhooks  `key:"webhooks"`
	Fetch     Fetch     `key:"fetch"`
	Feed      Feed      `key:"revocations"`
	Audit     Audit     `key:"audit"`
	Lifetimes Lifetimes `key:"lifetimes"`
	Keys      Keys      `key:"keys"`
	Password  Password  `key:"password"`
	Limits    Limits    `key:"limits"`
	Geo       Geo       `key:"geo"`
	Log       Log       `key:"log"`
	Legacy    Legacy    `key:"legacy"`

	ClockOffset time.Duration `key:"clock_offset" env:"SIGNET_CLOCK_OFFSET" flag:"-" default:"0s" doc:"Shifts this process's clock; only with --dev or a loopback issuer, to test replicas that disagree."`
}

// Server is where requests arrive.
type Server struct {
	Addr           string         `key:"addr" env:"SIGNET_ADDR" default:"127.0.0.1:8001" doc:"Listen address, host:port. The bare variable PORT, as platforms set it, listens on that port of every interface (with --dev of loopback)."`
	OpsAddr        string         `key:"ops_addr" env:"SIGNET_OPS_ADDR" doc:"A listener of its own for health, metrics and profiling. Without it /metrics answers loopback and the scope metrics:read, and there is no profiling."`
	TrustedProxies []netip.Prefix `key:"trusted_proxies" env:"SIGNET_TRUSTED_PROXIES" doc:"Networks whose X-Forwarded-For and Forwarded headers are believed, as CIDRs."`
	DrainDelay     time.Duration  `key:"drain_delay" default:"3s" doc:"How long readiness fails before connections are closed at shutdown."`
	ServiceName    string         `key:"service_name" env:"SIGNET_SERVER_SERVICE_NAME" default:"auth-service" doc:"The member service of /health and of events."`
}

// TLS is set when Signet terminates TLS itself.
type TLS struct {
	Cert string `key:"cert" env:"SIGNET_TLS_CERT" doc:"PEM file with the certificate chain; needs tls.key."`
	Key  string `key:"key" env:"SIGNET_TLS_KEY" doc:"PEM file with the private key; needs tls.cert."`
}

// Database is where everything durable is.
type Database struct {
	URL   Secret `key:"url" env:"SIGNET_DATABASE_URL,DATABASE_URL" default:"sqlite:data/signet.db" doc:"sqlite:PATH or postgres://user@host/name."`
	Conns int    `key:"conns" default:"0" doc:"Connections of the pool, opened at start; 0: four per processor, at least eight."`
}

// Redis holds what may be lost: limits, nonces, notifications between replicas.
type Redis struct {
	URL Secret `key:"url" env:"SIGNET_REDIS_URL,REDIS_URL" doc:"redis://, rediss:// or unix://. Without it these live in the process: for one replica."`
}

// Kafka receives events.
type Kafka struct {
	Brokers     []string `key:"brokers" env:"SIGNET_KAFKA_BROKERS" doc:"Brokers, host:port. Without them nothing is published; the record can be read at /events. The first time it begins with the beginning of the record."`
	TopicPrefix string   `key:"topic_prefix" doc:"Put before each topic, with a dot."`

	CreateTopics   bool     `key:"create_topics" default:"true" doc:"Makes the topics that are missing, one for each type of event."`
	Partitions     int      `key:"partitions" default:"3" doc:"Partitions of a topic that is made; 0: as the brokers have it as their default. More later would part what is about one subject."`
	Replication    int      `key:"replication" default:"0" doc:"Replicas of a topic that is made; 0: as the brokers have it as their default."`
	PersonalTopics []string `key:"personal_topics" doc:"Types of event (user.created), or *, that are published with what is personal in them. Without it nothing personal is published; what was published is not erased with its person."`

	MaxBytes     int    `key:"max_bytes" default:"1000012" doc:"Largest message, as the brokers' max.message.bytes. An event that is larger is parked."`
	TLS          bool   `key:"tls" default:"false" doc:"Encrypts connections to the brokers and checks their certificates."`
	TLSCA        string `key:"tls_ca" doc:"PEM file of the authorities that the brokers' certificates are checked against. Without it: the system's."`
	TLSCert      string `key:"tls_cert" doc:"PEM file with this client's certificate, where brokers want one; needs kafka.tls_key."`
	TLSKey       string `key:"tls_key" doc:"PEM file with its private key."`
	SASL         string `key:"sasl" enum:"PLAIN,SCRAM-SHA-256,SCRAM-SHA-512" doc:"How to authenticate to the brokers. Without it: not at all, or by kafka.tls_cert."`
	SASLUser     string `key:"sasl_user" doc:"User to authenticate as."`
	SASLPassword Secret `key:"sasl_password" doc:"Its password."`
}

// SMTP sends mail.
type SMTP struct {
	URL  Secret `key:"url" env:"SIGNET_SMTP_URL" doc:"smtp://user:password@host:port or smtps://. Without it development shows mail at /dev/inbox and anything else answers 503 where a message is needed."`
	From string `key:"from" default:"Signet <no-reply@localhost>" doc:"Sender of mail."`
}

// SMS sends text messages.
type SMS struct {
	URL Secret `key:"url" env:"SIGNET_SMS_URL" doc:"Receives POST {to, text} for every text message."`
}

// Accounts says who may have one.
type Accounts struct {
	Registration      string `key:"registration" env:"SIGNET_REGISTRATION" default:"open" enum:"open,invite,closed" doc:"Who may register: everybody, the invited, nobody."`
	EmailVerification string `key:"email_verification" env:"SIGNET_EMAIL_VERIFICATION" enum:"required,optional" doc:"Whether an address must be verified before login. Default: required once mail can be sent."`
	EnumerationSafe   bool   `key:"enumeration_safe" default:"false" doc:"Registration answers 202 whether or not the address is taken; its owner is told by mail. Needs mail."`

	DeletionGrace time.Duration `key:"deletion_grace" default:"30d" doc:"How long a deleted account can be restored, and its address stays reserved, before what it says of its person is erased. 0: erased at once."`
}

// Hooks are calls to the operator's own services.
type Hooks struct {
	CoreURL       string        `key:"core_url" doc:"Service that is asked at /api/validate-business-rules before an account or an organization is created. https, or http within a private network. Without it nobody is asked."`
	CoreSecret    Secret        `key:"core_secret" doc:"Sent to that service as a bearer token."`
	CoreTimeout   time.Duration `key:"core_timeout" default:"2s" doc:"Longest wait for its answer."`
	CoreOnSilence string        `key:"core_on_silence" default:"allow" enum:"allow,deny" doc:"What no answer means: allow goes on without one, deny answers 503."`

	AnalyticsURL   string `key:"analytics_url" doc:"Service that is told, by POST to /events below it, what happened: ids and counts, nothing personal. https, or http within a private network. Without it nobody is told. The first time it begins with what happens from then on."`
	AnalyticsToken Secret `key:"analytics_token" doc:"Sent to that service as a bearer token."`
}

// Webhooks bounds how others are told of events.
type Webhooks struct {
	Concurrency  int           `key:"concurrency" default:"32" doc:"Messages that one replica sends at once, to all webhooks together."`
	PerWebhook   int           `key:"per_webhook" default:"4" doc:"How many of them to one webhook."`
	Timeout      time.Duration `key:"timeout" default:"5s" doc:"Longest wait for a receiver's answer."`
	MaxAge       time.Duration `key:"max_age" default:"3d" doc:"How long a message is tried before it is given up."`
	DisableAfter time.Duration `key:"disable_after" default:"5d" doc:"A webhook for which nothing has succeeded for so long when a message is given up is disabled."`
}

// Fetch bounds what the server itself fetches.
type Fetch struct {
	AllowPrivate bool   `key:"allow_private" env:"SIGNET_ALLOW_PRIVATE_FETCH" default:"false" doc:"Lets outbound fetches reach loopback and private addresses; development only."`
	ExtraCA      string `key:"extra_ca" env:"SIGNET_EXTRA_CA" doc:"PEM file of certificate authorities to trust besides the system's."`
}

// Feed is the revocation feed.
type Feed struct {
	MaxStale time.Duration `key:"max_stale" env:"SIGNET_REVOCATION_MAX_STALE" default:"30s" doc:"How long /auth/validate answers from memory when cut off from the database."`
	Open     bool          `key:"open" env:"SIGNET_REVOCATIONS_OPEN" default:"false" doc:"Lets everybody read the revocation feed, capped per address."`

	Subscribers    int `key:"subscribers" default:"2000" doc:"Open streams of the feed that one replica serves at most; each costs some 20 KB."`
	StreamsPerAddr int `key:"streams_per_addr" default:"20" doc:"Open streams from one address where the feed is open to everybody."`
}

// Audit is how the record of events is kept.
type Audit struct {
	CheckpointFile string `key:"checkpoint_file" doc:"A file to which every signed checkpoint of the record is appended, one JSON object in a line; best on storage of its own. Each replica has its own file. signet audit verify reads it."`

	KeepAudit    time.Duration `key:"keep_audit" default:"0s" doc:"How long events of the class audit are kept: what may be done by whom and who changed it. 0: for ever; else at least 24h. Which type is of which class: docs/events.md."`
	KeepSecurity time.Duration `key:"keep_security" default:"0s" doc:"How long events of the class security are kept: logins, sessions, factors, refusals. 0: for ever; else at least 24h."`
	KeepAccount  time.Duration `key:"keep_account" default:"0s" doc:"How long events of the class account are kept: what people do with their own account and organization. 0: for ever; else at least 24h."`
	KeepUsage    time.Duration `key:"keep_usage" default:"0s" doc:"How long events of the class usage are kept: counted use. 0: for ever; else at least 24h."`
}

// Lifetimes of what is issued.
type Lifetimes struct {
	AccessToken     time.Duration `key:"access_token" default:"600s" doc:"Access tokens, unless the resource or client says otherwise."`
	IDToken         time.Duration `key:"id_token" default:"600s" doc:"ID tokens."`
	Code            time.Duration `key:"code" default:"60s" doc:"Authorization codes."`
	PAR             time.Duration `key:"par" default:"90s" doc:"Pushed authorization requests."`
	Login           time.Duration `key:"login" default:"600s" doc:"A login in progress."`
	RefreshIdle     time.Duration `key:"refresh_idle" default:"7d" doc:"Refresh tokens, since their last use."`
	RefreshRemember time.Duration `key:"refresh_remember" default:"30d" doc:"The same after a login with remember_me."`
	RefreshMax      time.Duration `key:"refresh_max" default:"90d" doc:"A refresh family, from its start."`
	RefreshGrace    time.Duration `key:"refresh_grace" default:"30s" doc:"How long the direct predecessor of a refresh token gets the same successor again."`
	SessionIdle     time.Duration `key:"session_idle" default:"12h" doc:"Browser sessions, since their last use."`
	SessionMax      time.Duration `key:"session_max" default:"30d" doc:"Browser sessions, from their start."`
	MFAChallenge    time.Duration `key:"mfa_challenge" default:"5m" doc:"Second-factor challenges."`
	RecentAuth      time.Duration `key:"recent_auth" default:"10m" doc:"How long an authentication counts as recent."`
	Reset           time.Duration `key:"reset" default:"1h" doc:"Password reset links."`
	Verification    time.Duration `key:"verification" default:"24h" doc:"E-mail verification links."`
	Invitation      time.Duration `key:"invitation" default:"7d" doc:"Invitations."`
}

// Keys is the signing key ring.
type Keys struct {
	Rotation   time.Duration `key:"rotation" default:"30d" doc:"How long a signing key signs before the next takes over."`
	Algorithms []string      `key:"algorithms" default:"ES256,RS256" doc:"Algorithms kept ready: ES256, RS256, PS256, EdDSA. ES256 and RS256 are always among them."`
}

// Password is how human passwords are hashed and checked.
type Password struct {
	Memory      int           `key:"memory" default:"19456" doc:"argon2id memory in KiB."`
	Time        int           `key:"time" default:"2" doc:"argon2id passes."`
	Parallelism int           `key:"parallelism" default:"1" doc:"argon2id lanes."`
	Concurrency int           `key:"concurrency" default:"0" doc:"Hashes computed at once; 0: one per processor."`
	QueueTime   time.Duration `key:"queue_time" default:"2s" doc:"Longest wait for a hash; what would wait longer is answered 503."`
	MinLength   int           `key:"min_length" default:"8" doc:"Shortest password accepted, in characters."`
	RefusedFile string        `key:"refused_file" doc:"File of passwords that are refused besides the commonest ones: one a line, or its SHA-1 hash in hexadecimal, which a colon and a count may follow. Read at start; at most 20 million lines, which take 3.6 bytes of memory each."`
	RangeURL    string        `key:"range_url" doc:"Service that is asked whether a new password was seen in a breach, by the first five digits of its SHA-1 hash, which are added to this: https://api.pwnedpasswords.com/range, or one within a private network, there also http. It has one second; without an answer the password passes. Without this nobody is asked."`
}

// Limits slow down guessing.
type Limits struct {
	LockFailures  int           `key:"lock_failures" default:"10" doc:"Failures after which an identifier locks."`
	LockWindow    time.Duration `key:"lock_window" default:"15m" doc:"Within which time."`
	LockDuration  time.Duration `key:"lock_duration" default:"15m" doc:"For how long; doubles each time."`
	LoginsPerAddr int           `key:"logins_per_addr" default:"100" doc:"Login attempts a minute and address."`
	MailsPerHour  int           `key:"mails_per_hour" default:"3" doc:"How often in an hour one address may be sent a mail of one kind on request: to verify it, to reset a password."`
	MFATries      int           `key:"mfa_tries" default:"3" doc:"Tries of one second-factor challenge."`

	RegistersPerAddr int `key:"registers_per_addr" default:"300" doc:"Registrations a minute and address (IPv6: /64). As for all limits of requests, 0 is none, and the answer beyond is 429."`
	MailsPerAddr     int `key:"mails_per_addr" default:"300" doc:"Requests a minute and address that send a message to an address typed in."`
	StrengthPerAddr  int `key:"strength_per_addr" default:"1200" doc:"Questions a minute and address how strong a password is, which pages ask while it is typed."`
	TokensPerAddr    int `key:"tokens_per_addr" default:"60000" doc:"Requests a minute and address of the JSON API that hand in a token: log out, reset, verify. /auth/refresh, /auth/validate, /auth/authorize and the endpoints under /oauth2 have no limit."`
	ReadsPerAddr     int `key:"reads_per_addr" default:"240000" doc:"Reads a minute and address."`
	ReadsPerCaller   int `key:"reads_per_caller" default:"120000" doc:"Reads a minute and person or service."`
	WritesPerAddr    int `key:"writes_per_addr" default:"60000" doc:"Writes a minute and address."`
	WritesPerCaller  int `key:"writes_per_caller" default:"30000" doc:"Writes a minute and person or service."`
	AdminPerAddr     int `key:"admin_per_addr" default:"12000" doc:"Requests to /admin/v1 a minute and address."`
	AdminPerCaller   int `key:"admin_per_caller" default:"6000" doc:"Requests to /admin/v1 a minute and person or service."`
}

// Geo says where addresses are.
type Geo struct {
	Database string `key:"database" doc:"File in the MaxMind DB format (GeoLite2 City or Country, or one with the same records) that tells where addresses are. Without it nobody's country is known, and a login from elsewhere looks like any other. Read at start; none comes with Signet."`
}

// Log is what the process writes to standard error.
type Log struct {
	Level  string `key:"level" default:"info" enum:"debug,info,warn,error" doc:"Least severe level written."`
	Format string `key:"format" default:"auto" enum:"auto,json,text" doc:"auto: text on a terminal, JSON elsewhere."`
}

// Legacy are switches for clients of the previous system; all off by default.
type Legacy struct {
	BareSystemRoles      bool   `key:"bare_system_roles" default:"false" doc:"System roles without system:, organization roles as org:NAME."`
	DirectMemberAdd      bool   `key:"direct_member_add" default:"false" doc:"Adding a known address adds the account at once instead of inviting it."`
	DuplicateEmailStatus int    `key:"duplicate_email_status" default:"409" doc:"Status for a registered address: 409 or 400."`
	TimeFormat           string `key:"time_format" default:"z" enum:"z,offset" doc:"offset writes +00:00 instead of Z, for Python before 3.11."`
	ListShape            string `key:"list_shape" default:"object" enum:"object,array" doc:"array answers lists bare."`
	MFAEmptyStrings      bool   `key:"mfa_empty_strings" default:"false" doc:"Token fields of a pending login are empty strings instead of null."`
	BarePrefix           bool   `key:"bare_prefix" default:"false" doc:"Serves paths whose /auth prefix a gateway has stripped."`
	AccessTokenFormat    string `key:"access_token_format" default:"jwt" enum:"jwt,opaque" doc:"opaque hands the legacy client sgt_ tokens that hold the sealed claims."`
	PersonalOrganization bool   `key:"personal_organization" default:"false" doc:"Each new user gets an organization of type individual."`
}

// Postgres reports whether the database is PostgreSQL.
func (c *Config) Postgres() bool {
	scheme := c.Database.URL.scheme()
	return scheme == "postgres" || scheme == "postgresql"
}

// CanMail reports whether mail reaches anybody: through SMTP, or the inbox of
// development.
func (c *Config) CanMail() bool { return c.Dev || c.SMTP.URL != "" }

// EmailVerificationRequired resolves the default of that setting.
func (c *Config) EmailVerificationRequired() bool {
	if c.Accounts.EmailVerification == "" {
		return c.CanMail()
	}
	return c.Accounts.EmailVerification == "required"
}
