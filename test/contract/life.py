"""The life of a person and of an organization, told to the JSON API.

Written from the contract alone, as the services that call it are. It reads
SETTINGS from the environment (JSON: base, mailbox, prefix, person) and reports
each check as one line of JSON: name, error, ms.
"""

import json
import os
import re
import sys
import time
import traceback
import uuid

import requests

S = json.loads(os.environ["SETTINGS"])
BASE = S["base"] + S["prefix"]
failed = 0

USER = """id user_id email username name full_name first_name last_name display_name phone_number avatar_url bio job_title
department skills interests timezone language status is_verified email_verified mfa_enabled mfa_methods_count roles
permissions organization_id tenant_id last_login last_login_at created_at updated_at""".split()
ME = USER + "organizations organization preferences".split()
ORGANIZATION = """id organization_id name slug display_name description organization_type org_type type industry size
employee_count_range website website_url domain logo_url contact_email contact_phone address settings features
customization subscription_tier trial_ends_at billing_email status is_active is_verified member_count created_by
created_at updated_at""".split()
LOGIN = """access_token refresh_token token_type expires_in id_token scope user_id email tenant_id organization_id session_id
requires_mfa mfa_challenge_id mfa_methods""".split()
VALIDATION = """valid is_valid active aud user_id sub email tenant_id organization_id roles permissions scope client_id
session_id token_type expires_at issued_at perm_epoch permissions_known as_of reason""".split()
MEMBER = "user_id email first_name last_name display_name role status joined_at last_active message".split()
SESSION = """id session_id user_id device_name device_type device_info user_agent ip_address location country_code city
client_id auth_methods created_at last_active last_activity_at expires_at is_current""".split()
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


def check(name):
    def run(f):
        global failed
        start, error = time.monotonic(), ""
        try:
            f()
        except Exception:  # reported, and the script goes on
            error = traceback.format_exc(limit=-4)
            failed += 1
        print(json.dumps({"name": name, "error": error, "ms": int((time.monotonic() - start) * 1000)}), flush=True)
        return f

    return run


def call(method, path, token=None, want=200, headers=None, **kw):
    h = dict(headers or {})
    if token:
        h["Authorization"] = "Bearer " + token
    r = requests.request(method, BASE + path, headers=h, timeout=30, allow_redirects=False, **kw)
    wanted = want if isinstance(want, tuple) else (want,)
    assert r.status_code in wanted, f"{method} {path}: {r.status_code} {r.text[:600]}, want {want}"
    assert r.headers.get("X-Request-ID"), "no X-Request-ID"
    if r.status_code >= 400:
        refused(r)
    return r


def refused(r):
    body = r.json()
    for name in ("detail", "error_code", "timestamp", "request_id"):
        assert name in body, f"error without {name}: {body}"
    assert TIME.match(body["timestamp"]), body["timestamp"]
    if r.status_code == 422:
        assert isinstance(body["detail"], list) and body["detail"], body
        for item in body["detail"]:
            assert set(item) >= {"loc", "msg", "type"}, item
    else:
        assert isinstance(body["detail"], str) and body["detail"], body
    if r.status_code == 401:
        assert "Bearer" in r.headers.get("WWW-Authenticate", ""), "401 without WWW-Authenticate"


def error(method, path, want, code, token=None, **kw):
    r = call(method, path, token, want, **kw)
    assert r.json()["error_code"] == code, r.text
    return r.json()


def has(body, names):
    missing = [n for n in names if n not in body]
    assert not missing, f"missing {missing} in {sorted(body)}"


def mail(to, kind=None):
    """The newest mail to an address, once there is one."""
    for _ in range(200):
        found = requests.get(S["mailbox"], params={"to": to}, timeout=10).json()
        if kind:
            found = [m for m in found if kind + "?token=" in m["text"]]
        if found:
            return found[-1]
        time.sleep(0.05)
    raise AssertionError(f"no mail to {to} with {kind}")


def token_of(message, page):
    m = re.search(re.escape(S["base"] + page) + r"\?token=([A-Za-z0-9_-]+)", message["text"])
    assert m, message["text"]
    return m.group(1)


class State:
    pass


s = State()
tag = uuid.uuid4().hex[:8]
ALICE, BOB, CAROL = (f"{n}-{tag}@people.example" for n in ("alice", "bob", "carol"))
PASSWORD, BETTER, BEST = "a first long pass phrase", "a better long pass phrase", "the best long pass phrase"


def login(email, password, want=200, **more):
    return call("POST", "/auth/login", want=want, json={"email": email, "password": password, **more})


@check("health")
def _():
    body = call("GET", "/health").json()
    has(body, "service status version mode database cache dependencies timestamp".split())
    assert body["status"] == "healthy", body


@check("register")
def _():
    body = call("POST", "/auth/register", want=201, json={
        "email": ALICE, "password": PASSWORD, "first_name": "Alice", "last_name": "Example", "accept_terms": True,
    }).json()
    has(body, LOGIN + "message user_id email status verification_required next_step created_at user".split())
    has(body["user"], USER)
    assert body["verification_required"] is True and body["access_token"] is None, body
    assert "verification_token" not in body, body
    s.alice = body["user_id"]
    assert uuid.UUID(s.alice).version == 7


@check("a registered address is refused")
def _():
    body = error("POST", "/auth/register", 409, "USER_002", json={"email": ALICE.upper(), "password": PASSWORD})
    assert "already registered" in body["detail"], body


@check("register says what is wrong, by path")
def _():
    body = call("POST", "/auth/register", want=422, json={"email": "no address", "password": "short", "phone_number": "x"}).json()
    assert sorted(d["loc"] for d in body["detail"]) == [["body", "email"], ["body", "phone_number"]], body
    error("POST", "/auth/register", 422, "AUTH_012", json={"email": f"x-{tag}@people.example", "password": "short"})


@check("no login before the address is verified")
def _():
    error("POST", "/auth/login", 403, "AUTH_007", json={"email": ALICE, "password": PASSWORD})
    error("POST", "/auth/login", 401, "AUTH_001", json={"email": ALICE, "password": "wrong"})


@check("verify the address, and again")
def _():
    old = token_of(mail(ALICE, "/ui/verify-email"), "/ui/verify-email")
    call("POST", "/auth/resend-verification", json={"email": ALICE})
    for _ in range(200):
        fresh = token_of(mail(ALICE, "/ui/verify-email"), "/ui/verify-email")
        if fresh != old:
            break
        time.sleep(0.05)
    assert fresh != old
    call("POST", "/auth/verify-email", want=400, json={"token": old})
    for alias in ("token", "verification_token"):
        body = call("POST", "/auth/verify-email", json={alias: fresh}).json()
        has(body, ["message", "details"])
        has(body["details"], ["user_id", "email", "verified_at"])
        assert body["details"]["user_id"] == s.alice, body
    call("POST", "/auth/verify-email", want=400, json={"token": "nonsense"})


@check("login")
def _():
    r = login(ALICE, PASSWORD, device_name="Alice's laptop")
    assert "no-store" in r.headers["Cache-Control"]
    body = r.json()
    has(body, LOGIN + ["user"])
    has(body["user"], USER)
    assert body["token_type"] == "Bearer" and body["requires_mfa"] is False and body["mfa_methods"] == [], body
    assert body["id_token"] is None and body["mfa_challenge_id"] is None, body
    assert set("openid profile email account organizations offline_access".split()) <= set(body["scope"].split()), body["scope"]
    assert "admin" not in body["scope"].split()
    s.a = body
    by_name = call("POST", "/auth/login", json={"username": ALICE, "password": PASSWORD}).json()
    assert by_name["user_id"] == s.alice
    s.second = by_name


@check("me")
def _():
    body = call("GET", "/auth/me", s.a["access_token"]).json()
    has(body, ME)
    assert body["first_name"] == "Alice" and body["email"] == ALICE and body["is_verified"] is True, body
    assert body["organizations"] == [] and body["organization"] is None and body["skills"] == [] and body["preferences"] == {}, body
    assert body["roles"] == ["system:user"], body["roles"]
    assert TIME.match(body["created_at"]) and TIME.match(body["last_login_at"]), body
    call("GET", "/auth/me", want=401)
    call("GET", "/auth/me", "nonsense", want=401)


@check("change the profile; what is not a profile is not changed")
def _():
    body = call("PATCH", "/auth/me", s.a["access_token"], json={
        "first_name": "Alicia", "bio": "Hello", "skills": ["go", "sql"], "timezone": "Europe/Paris", "email": "x@y.example",
        "status": "suspended", "roles": ["system:admin"], "is_verified": False, "something_else": 1,
    }).json()
    has(body, USER)
    assert body["first_name"] == "Alicia" and body["skills"] == ["go", "sql"] and body["email"] == ALICE, body
    assert body["status"] == "active" and body["roles"] == ["system:user"] and body["is_verified"] is True, body
    body = call("PATCH", "/auth/profile", s.a["access_token"], want=422, json={"timezone": "not a zone", "skills": "x"}).json()
    assert ["body", "timezone"] in [d["loc"] for d in body["detail"]], body
    body = call("POST", "/users/profile", s.a["access_token"], json={"job_title": "Engineer"}).json()
    assert body["job_title"] == "Engineer" and "profile" in body, body


@check("preferences are merged, unknown ones kept")
def _():
    path = f"/users/{s.alice}/preferences"
    call("PATCH", path, s.a["access_token"], json={"theme": "dark", "language": "fr", "notification_preferences": {"mail": True}})
    body = call("PATCH", path, s.a["access_token"], json={"own_thing": {"a": 1}, "theme": None}).json()
    has(body, "user_id theme language timezone notification_preferences privacy_settings preferences updated_at".split())
    assert body["theme"] is None and body["language"] == "fr" and body["notification_preferences"] == {"mail": True}, body
    assert "own_thing" in json.dumps(body["preferences"]), body
    call("PATCH", path, s.a["access_token"], want=422, json={f"k{i}": i for i in range(200)})


@check("sessions: list, end one, end the others")
def _():
    body = call("GET", "/auth/sessions", s.a["access_token"]).json()
    has(body, "sessions current_session_id total_count page page_size".split())
    assert body["total_count"] == 2 and body["current_session_id"] == s.a["session_id"], body
    for item in body["sessions"]:
        has(item, SESSION)
        has(item["device_info"], ["browser", "os", "raw"])
    current = [i for i in body["sessions"] if i["is_current"]]
    assert len(current) == 1 and current[0]["device_name"] == "Alice's laptop", body
    r = call("DELETE", f"/auth/sessions/{s.second['session_id']}", s.a["access_token"]).json()
    has(r, ["message", "session_id", "success"])
    assert r["success"] is True
    error("POST", "/auth/validate", 401, "AUTH_005", token=s.second["access_token"])
    call("DELETE", f"/auth/sessions/{uuid.uuid4()}", s.a["access_token"], want=404)
    third = login(ALICE, PASSWORD).json()
    call("DELETE", "/auth/sessions", s.a["access_token"])
    call("POST", "/auth/validate", third["access_token"], want=401)
    call("POST", "/auth/validate", s.a["access_token"])


@check("validate, both forms")
def _():
    body = call("POST", "/auth/validate", s.a["access_token"]).json()
    has(body, VALIDATION)
    assert body["valid"] and body["is_valid"] and body["active"] and body["user_id"] == s.alice, body
    assert isinstance(body["expires_at"], int), body
    body = call("POST", "/auth/validate", json={"token": s.a["access_token"]}).json()
    assert body["valid"] is True
    body = call("POST", "/auth/validate", json={"token": "nonsense"}).json()
    has(body, VALIDATION)
    assert body["valid"] is False and body["user_id"] is None and body["roles"] == [] and body["reason"] == "malformed", body
    call("POST", "/auth/validate", json={}, want=422)
    call("POST", "/auth/validate", "nonsense", want=401)


@check("refresh rotates, and a used one ends the family")
def _():
    body = call("POST", "/auth/refresh", json={"refresh_token": s.a["refresh_token"]}).json()
    has(body, LOGIN)
    assert body["refresh_token"] and body["refresh_token"] != s.a["refresh_token"] and "user" not in body, body
    again = call("POST", "/auth/refresh", json={"refresh_token": s.a["refresh_token"]}).json()
    assert again["refresh_token"] == body["refresh_token"], "two tabs get the same successor"
    with_user = call("POST", "/auth/refresh?include=user", json={"refresh_token": body["refresh_token"]}).json()
    has(with_user["user"], USER)
    error("POST", "/auth/refresh", 401, "AUTH_005", json={"refresh_token": s.a["refresh_token"]})
    error("POST", "/auth/refresh", 401, "AUTH_005", json={"refresh_token": with_user["refresh_token"]})
    call("POST", "/auth/validate", with_user["access_token"], want=401)
    call("POST", "/auth/refresh", json={"refresh_token": "nonsense"}, want=401)
    call("POST", "/auth/refresh", json={}, want=422)
    s.a = login(ALICE, PASSWORD).json()


@check("change the password")
def _():
    other = login(ALICE, PASSWORD).json()
    call("POST", "/auth/change-password", s.a["access_token"], want=401, json={"current_password": "wrong", "new_password": BETTER})
    call("POST", "/auth/change-password", s.a["access_token"], want=422, json={"current_password": PASSWORD, "new_password": "short"})
    call("POST", "/auth/change-password", s.a["access_token"], want=422, json={
        "current_password": PASSWORD, "new_password": BETTER, "password_confirm": "different"})
    call("POST", "/auth/change-password", s.a["access_token"], json={
        "current_password": PASSWORD, "new_password": BETTER, "password_confirm": BETTER})
    call("POST", "/auth/validate", s.a["access_token"])
    call("POST", "/auth/validate", other["access_token"], want=401)
    login(ALICE, PASSWORD, want=401)
    s.a = login(ALICE, BETTER).json()


@check("forget the password")
def _():
    known = call("POST", "/auth/forgot-password", json={"email": ALICE})
    unknown = call("POST", "/auth/forgot-password", json={"email": f"nobody-{tag}@people.example"})
    assert known.json() == unknown.json(), (known.text, unknown.text)
    token = token_of(mail(ALICE, "/ui/recover"), "/ui/recover")
    call("POST", "/auth/reset-password", want=422, json={"token": token, "new_password": "short"})
    call("POST", "/auth/reset-password", json={"reset_token": token, "password": BEST})
    call("POST", "/auth/reset-password", want=400, json={"token": token, "new_password": BETTER})
    call("POST", "/auth/validate", s.a["access_token"], want=401)
    s.a = login(ALICE, BEST).json()


@check("create an organization")
def _():
    key = str(uuid.uuid4())
    body = {"name": f"Acme {tag}", "description": "We make things", "organization_type": "business", "website": "https://acme.example",
            "address": {"line1": "1 Main Street", "city": "Paris", "country_code": "FR"}, "settings": {"colour": "red"}}
    r = call("POST", "/organizations", s.a["access_token"], want=201, headers={"Idempotency-Key": key}, json=body)
    s.org = r.json()
    has(s.org, ORGANIZATION)
    assert s.org["slug"] == f"acme-{tag}" and s.org["member_count"] == 1 and s.org["created_by"] == s.alice, s.org
    assert s.org["address"]["city"] == "Paris" and s.org["settings"] == {"colour": "red"} and s.org["features"] == [], s.org
    again = call("POST", "/organizations", s.a["access_token"], want=201, headers={"Idempotency-Key": key}, json=body)
    assert again.json() == s.org, "the same key, the same answer"
    call("POST", "/organizations", s.a["access_token"], want=422, headers={"Idempotency-Key": key}, json={"name": "Other"})
    error("POST", "/organizations", 409, "ORG_004", token=s.a["access_token"], json={"name": "x", "slug": f"acme-{tag}"})
    call("POST", "/organizations", s.a["access_token"], want=422, json={"name": ""})
    call("POST", "/organizations", s.a["access_token"], want=415, data="name=x", headers={"Content-Type": "text/plain"})


@check("refresh into the organization")
def _():
    s.a = {**s.a, **call("POST", "/auth/refresh", json={"refresh_token": s.a["refresh_token"], "organization_id": s.org["id"]}).json()}
    assert s.a["organization_id"] == s.org["id"] and s.a["tenant_id"] == s.org["id"], s.a
    v = call("POST", "/auth/validate", s.a["access_token"]).json()
    assert v["organization_id"] == s.org["id"] and "owner" in v["roles"] and "write:members" in v["permissions"], v
    me = call("GET", "/auth/me", s.a["access_token"]).json()
    has(me["organization"], ORGANIZATION)
    assert me["organizations"][0]["role"] == "owner", me
    call("POST", "/auth/refresh", want=403, json={"refresh_token": s.a["refresh_token"], "organization_id": str(uuid.uuid4())})


@check("read, change, list organizations")
def _():
    path = f"/organizations/{s.org['id']}"
    body = call("PATCH", path, s.a["access_token"], json={"description": None, "industry": "Steel", "settings": {"size": 3}}).json()
    assert body["description"] is None and body["industry"] == "Steel" and body["settings"] == {"colour": "red", "size": 3}, body
    has(call("GET", path, s.a["access_token"]).json(), ORGANIZATION)
    mine = call("GET", "/organizations", s.a["access_token"])
    assert s.org["id"] in [o["id"] for o in mine.json()["organizations"]] and mine.headers["X-Total-Count"] == "1", mine.text
    call("GET", f"/organizations/{uuid.uuid4()}", s.a["access_token"], want=404)


@check("invite a person who is new")
def _():
    path = f"/organizations/{s.org['id']}/users"
    body = call("POST", path, s.a["access_token"], want=201, json={"email": BOB, "role": "member"}).json()
    has(body, MEMBER)
    assert body["status"] == "invited" and body["email"] == BOB, body
    waiting = call("GET", f"/organizations/{s.org['id']}/invitations", s.a["access_token"]).json()
    assert BOB in json.dumps(waiting), waiting
    token = token_of(mail(BOB, "/ui/invitation"), "/ui/invitation")
    body = call("POST", "/auth/register", want=201, json={
        "email": BOB, "password": PASSWORD, "first_name": "Bob", "invite_token": token}).json()
    assert body["verification_required"] is False and body["access_token"], body
    s.b = body
    s.bob = body["user_id"]
    call("POST", "/auth/register", want=(400, 409), json={"email": f"thief-{tag}@people.example", "password": PASSWORD, "invite_token": token})


@check("invite a person who is known")
def _():
    r = call("POST", "/auth/register", want=201, json={"email": CAROL, "password": PASSWORD}).json()
    s.carol = r["user_id"]
    call("POST", "/auth/verify-email", json={"token": token_of(mail(CAROL, "/ui/verify-email"), "/ui/verify-email")})
    s.c = login(CAROL, PASSWORD).json()
    call("GET", f"/organizations/{s.org['id']}", s.c["access_token"], want=404)
    call("GET", f"/users/{s.bob}", s.c["access_token"], want=404)
    call("POST", f"/organizations/{s.org['id']}/users", s.a["access_token"], want=404, json={"user_id": s.carol})
    inv = call("POST", f"/organizations/{s.org['id']}/invitations", s.a["access_token"], want=201, json={"email": CAROL, "role": "viewer"}).json()
    first = token_of(mail(CAROL, "/ui/invitation"), "/ui/invitation")
    call("POST", f"/organizations/{s.org['id']}/invitations/{inv['id']}/resend", s.a["access_token"])
    for _ in range(200):
        token = token_of(mail(CAROL, "/ui/invitation"), "/ui/invitation")
        if token != first:
            break
        time.sleep(0.05)
    call("POST", "/invitations/accept", s.c["access_token"], want=400, json={"token": first})
    call("POST", "/invitations/accept", s.b["access_token"], want=403, json={"token": token})
    call("POST", "/invitations/accept", s.c["access_token"], json={"token": token})
    call("POST", "/invitations/accept", s.c["access_token"], want=400, json={"token": token})


@check("members, page by page")
def _():
    path = f"/organizations/{s.org['id']}/users"
    body = call("GET", path, s.a["access_token"]).json()
    has(body, "users members total_count page page_size next_cursor".split())
    assert body["total_count"] == 3 and body["users"] == body["members"], body
    for m in body["users"]:
        has(m, MEMBER)
    seen, cursor = [], None
    while True:
        r = call("GET", path, s.a["access_token"], params={"page_size": 1, **({"cursor": cursor} if cursor else {})})
        seen += [m["user_id"] for m in r.json()["users"]]
        cursor = r.json()["next_cursor"]
        if not cursor:
            break
    assert sorted(seen) == sorted([s.alice, s.bob, s.carol]), seen
    page2 = call("GET", path, s.a["access_token"], params={"page": 2, "page_size": 2}).json()
    assert page2["page"] == 2 and len(page2["users"]) == 1, page2
    call("GET", path, s.a["access_token"], want=422, params={"page_size": 1000})


@check("roles: who may give what")
def _():
    path = f"/organizations/{s.org['id']}/users"
    s.b = {**s.b, **call("POST", "/auth/refresh", json={"refresh_token": s.b["refresh_token"], "organization_id": s.org["id"]}).json()}
    call("PATCH", f"{path}/{s.carol}", s.b["access_token"], want=403, json={"role": "admin"})
    call("PATCH", f"{path}/{s.bob}", s.a["access_token"], json={"role": "admin"})
    s.b = {**s.b, **call("POST", "/auth/refresh", json={"refresh_token": s.b["refresh_token"]}).json()}
    call("PATCH", f"{path}/{s.carol}", s.b["access_token"], want=403, json={"role": "owner"})
    call("PATCH", f"{path}/{s.carol}", s.b["access_token"], json={"role": "member"})


@check("a role that is taken is stale within a second, and refreshed")
def _():
    call("PATCH", f"/organizations/{s.org['id']}/users/{s.bob}", s.a["access_token"], json={"role": "member"})
    deadline = time.monotonic() + 1
    while True:
        r = requests.post(BASE + "/auth/validate", headers={"Authorization": "Bearer " + s.b["access_token"]}, timeout=10)
        if r.status_code == 401:
            break
        assert time.monotonic() < deadline, "still valid after a second"
    assert r.json()["error_code"] == "AUTH_006", r.text
    s.b = {**s.b, **call("POST", "/auth/refresh", json={"refresh_token": s.b["refresh_token"]}).json()}
    assert "admin" not in call("POST", "/auth/validate", s.b["access_token"]).json()["roles"]


@check("custom roles and decisions")
def _():
    path = f"/organizations/{s.org['id']}/roles"
    call("POST", path, s.a["access_token"], want=201, json={"name": "billing", "description": "Bills", "permissions": ["read:invoice", "write:invoice"]})
    call("POST", path, s.a["access_token"], want=422, json={"name": "Bad Name", "permissions": ["nonsense"]})
    call("POST", path, s.b["access_token"], want=403, json={"name": "mine", "permissions": ["read:invoice"]})
    call("PATCH", f"/organizations/{s.org['id']}/users/{s.bob}", s.a["access_token"], json={"roles": ["member", "billing"]})
    s.b = {**s.b, **call("POST", "/auth/refresh", json={"refresh_token": s.b["refresh_token"]}).json()}
    yes = call("POST", "/auth/authorize", s.b["access_token"], json={"resource": "invoice", "action": "write"}).json()
    has(yes, "authorized allowed user_id permission resource action reason matched policy_version perm_epoch decision_id".split())
    assert yes["authorized"] is True and yes["matched"][0]["role"] == "billing", yes
    no = call("POST", "/auth/authorize?permission=delete:invoice", s.b["access_token"]).json()
    assert no["authorized"] is False and no["matched"] == [], no
    call("POST", "/auth/authorize", s.b["access_token"], want=422, json={"resource": "x"})
    call("POST", "/auth/authorize", s.b["access_token"], want=403, json={"resource": "invoice", "action": "read", "user_id": s.alice})
    other = call("POST", "/auth/authorize", s.a["access_token"], json={"resource": "invoice", "action": "read", "user_id": s.bob}).json()
    assert other["authorized"] is True and other["user_id"] == s.bob, other


@check("permissions, roles, context")
def _():
    r = call("GET", f"/auth/permissions/{s.bob}", s.b["access_token"])
    has(r.json(), "user_id organization_id permissions roles perm_epoch cache_ttl".split())
    assert "write:invoice" in r.json()["permissions"], r.text
    call("GET", f"/auth/permissions/{s.bob}", s.b["access_token"], want=304, headers={"If-None-Match": r.headers["ETag"]})
    body = call("GET", f"/auth/roles/{s.bob}", s.a["access_token"], params={"organization_id": s.org["id"]}).json()
    has(body, "user_id roles role_details perm_epoch".split())
    has(body["role_details"][0], "role_id name scope organization_id assigned_at assigned_by".split())
    assert "billing" in body["roles"], body
    body = call("GET", f"/auth/users/{s.bob}/context", s.b["access_token"]).json()
    has(body, "user organization organizations roles permissions perm_epoch mfa session".split())
    has(body["user"], USER)
    has(body["mfa"], ["enabled", "methods_count"])
    call("GET", f"/auth/permissions/{s.alice}", s.b["access_token"], want=403)
    call("GET", f"/auth/permissions/{s.alice}", want=401)
    call("GET", f"/auth/roles/{uuid.uuid4()}", s.a["access_token"], want=404)


@check("colleagues see the public part")
def _():
    body = call("GET", f"/users/{s.alice}", s.b["access_token"]).json()
    assert body["first_name"] == "Alicia" and body["email"] is None and body["phone_number"] is None, body
    call("GET", f"/users/{s.alice}/dashboard", s.b["access_token"], want=403)
    call("GET", f"/users/{s.alice}/contact", s.b["access_token"], want=(403, 404))
    body = call("GET", f"/users/{s.alice}/contact", s.a["access_token"], want=200).json()
    has(body, "user_id email phone phone_number push_tokens".split())


@check("activity and dashboards")
def _():
    body = call("GET", f"/users/{s.alice}/activity", s.a["access_token"]).json()
    has(body, """user_id total_activities activities_today activities_this_week activities_this_month activities recent_activities
        activities_by_type activities_by_day success_rate total_count page page_size""".split())
    has(body["activities"][0], "id action resource resource_id timestamp created_at success ip_address user_agent metadata".split())
    body = call("GET", f"/users/{s.alice}/dashboard", s.a["access_token"]).json()
    has(body, """user organization profile activity_summary recent_activity recent_activities statistics session_count
        mfa_methods preferences""".split())
    has(body["activity_summary"], "total today this_week this_month".split())
    has(body["statistics"], "total_logins organizations_count mfa_methods".split())
    assert body["statistics"]["organizations_count"] == 1 and body["session_count"] >= 1, body
    body = call("GET", f"/organizations/{s.org['id']}/dashboard", s.a["access_token"]).json()
    has(body, """organization member_count user_count stats recent_users recent_activities activity_summary usage_stats
        subscription_info settings""".split())
    has(body["stats"], "total_users active_users pending_invites mfa_adoption logins_7d subscription_tier".split())
    assert body["member_count"] == 3 and body["stats"]["total_users"] == 3 and body["stats"]["active_users"] == 3, body
    call("GET", f"/organizations/{s.org['id']}/dashboard", want=401)


@check("never without an owner")
def _():
    me = f"/organizations/{s.org['id']}/users/{s.alice}"
    error("DELETE", me, 409, "ORG_003", token=s.a["access_token"])
    error("PATCH", me, 409, "ORG_003", token=s.a["access_token"], json={"role": "member"})
    error("DELETE", "/auth/account", 409, "ORG_003", token=s.a["access_token"], json={"password": BEST})
    call("PATCH", f"/organizations/{s.org['id']}/users/{s.bob}", s.a["access_token"], json={"role": "owner"})
    call("DELETE", me, s.a["access_token"])
    r = requests.post(BASE + "/auth/validate", headers={"Authorization": "Bearer " + s.a["access_token"]}, timeout=10)
    assert r.status_code == 401, "a token of an organization that was left"
    s.a = login(ALICE, BEST).json()
    assert s.a["organization_id"] is None, s.a
    call("GET", f"/organizations/{s.org['id']}", s.a["access_token"], want=404)


@check("change the address")
def _():
    new = f"alicia-{tag}@people.example"
    call("POST", "/auth/change-email", s.a["access_token"], json={"new_email": new})
    token = token_of(mail(new, "/ui/confirm-email"), "/ui/confirm-email")
    call("POST", "/auth/confirm-email", json={"token": token})
    for _ in range(200):  # the old address is told, without a link
        if "token=" not in mail(ALICE)["text"]:
            break
        time.sleep(0.05)
    assert "token=" not in mail(ALICE)["text"]
    login(ALICE, BEST, want=401)
    s.a = login(new, BEST).json()
    s.address = new


@check("grants of other applications")
def _():
    body = call("GET", "/auth/grants", s.a["access_token"]).json()
    assert body["grants"] == [], body
    call("DELETE", "/auth/grants/nothing", s.a["access_token"], want=404)


@check("logout, twice")
def _():
    c2 = login(CAROL, PASSWORD).json()
    body = call("POST", "/auth/logout", c2["access_token"], json={"refresh_token": c2["refresh_token"]}).json()
    assert body["message"] == "Successfully logged out", body
    call("POST", "/auth/validate", c2["access_token"], want=401)
    call("POST", "/auth/refresh", want=401, json={"refresh_token": c2["refresh_token"]})
    call("POST", "/auth/logout", c2["access_token"], want=(200, 401), json={"refresh_token": c2["refresh_token"]})
    call("POST", "/auth/logout", want=401)
    c3, c4 = login(CAROL, PASSWORD).json(), login(CAROL, PASSWORD).json()
    call("POST", "/auth/logout", c3["access_token"], json={"all_sessions": True})
    call("POST", "/auth/validate", c4["access_token"], want=401)


@check("revoke tells nothing")
def _():
    c = login(CAROL, PASSWORD).json()
    call("POST", "/auth/revoke", json={"token": "nonsense"})
    call("POST", "/auth/revoke", json={"token": c["access_token"]})
    call("POST", "/auth/validate", c["access_token"], want=401)
    call("POST", "/auth/revoke", json={}, want=422)


@check("delete the organization")
def _():
    s.b = login(BOB, PASSWORD).json()
    call("DELETE", f"/organizations/{s.org['id']}", s.b["access_token"])
    s.b = login(BOB, PASSWORD).json()
    call("GET", f"/organizations/{s.org['id']}", s.b["access_token"], want=404)
    assert call("GET", "/organizations", s.b["access_token"]).json()["organizations"] == []


@check("delete the account, and come back by the mail")
def _():
    call("DELETE", "/auth/account", s.b["access_token"], json={"password": PASSWORD})
    call("POST", "/auth/validate", s.b["access_token"], want=401)
    login(BOB, PASSWORD, want=401)
    token = token_of(mail(BOB, "/ui/restore"), "/ui/restore")
    call("POST", "/auth/restore-account", json={"token": token})
    login(BOB, PASSWORD)


@check("bad requests")
def _():
    r = requests.post(BASE + "/auth/login", data=b"{", headers={"Content-Type": "application/json"}, timeout=10)
    assert r.status_code in (400, 422), r.text
    r = requests.post(BASE + "/auth/login", data=b'{"email":"' + b"a" * (1 << 20) + b'"}', headers={"Content-Type": "application/json"}, timeout=10)
    assert r.status_code == 413, r.status_code
    call("POST", "/auth/login", want=422, json={})
    call("POST", "/auth/login", want=422, json={"email": 5, "password": ["x"]})
    call("POST", "/auth/login/", want=401, json={"email": f"n-{tag}@people.example", "password": "x" * 20})
    call("GET", "/users/not-an-id", s.a["access_token"], want=(404, 422))
    call("GET", "/no/such/route", want=404)
    call("DELETE", "/auth/login", want=405)


sys.exit(1 if failed else 0)
