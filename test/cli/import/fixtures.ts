/** Dumps and exports as the tools write them. Every hash is of `secret1234`, or of nothing. */
export const BCRYPT = '$2b$12$abcdefghijklmnopqrstuuJ4mQ1k0x1Y2Z3a4b5c6d7e8f9g0h1i2'
export const BETTER = `${'0123456789abcdef'.repeat(2)}:${'fedcba9876543210'.repeat(8)}`
export const UUIDS = {
  ada: '6f0d5c1e-8f5e-4a8e-9d43-0c6f8f3b2a10',
  bob: '0a0b0c0d-1111-4222-8333-444455556666',
  cyd: '99999999-aaaa-4bbb-8ccc-ddddeeeeffff',
} as const

export const phoenixDump = `--
-- PostgreSQL database dump
--

\\restrict kX1
-- Dumped from database version 16.4

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);

CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql AS $_$ begin; return 'COPY public.users (id) FROM stdin;'; end $_$;

CREATE TABLE public.users (
    id bigint NOT NULL,
    email public.citext NOT NULL,
    hashed_password character varying(255),
    confirmed_at timestamp(0) without time zone,
    inserted_at timestamp(0) without time zone NOT NULL,
    updated_at timestamp(0) without time zone NOT NULL
);

COPY public.posts (id, body) FROM stdin;
1	not a user\\n\\\\.
2	COPY public.users (id, email) FROM stdin;
\\.


COPY public.users (id, email, hashed_password, confirmed_at, inserted_at, updated_at) FROM stdin;
1	Ada@Example.com	${BCRYPT}	2024-03-01 10:00:00	2024-02-29 23:59:59	2024-03-01 10:00:00
2	bob@example.com	\\N	\\N	2024-03-02 08:00:00	2024-03-02 08:00:00
3	no address	${BCRYPT}	\\N	2024-03-02 08:00:00	2024-03-02 08:00:00
4	 ADA@example.com	${BCRYPT}	\\N	2024-03-02 08:00:00	2024-03-02 08:00:00
5	md5@example.com	5f4dcc3b5aa765d61d8327deb882cf99	\\N	2024-03-02 08:00:00	2024-03-02 08:00:00
6	bell\\b@example.com	${BCRYPT}	\\N	2024-03-02 08:00:00	2024-03-02 08:00:00
7	short@example.com	${BCRYPT}
\\.


COPY public.users_tokens (id, user_id, token, context, sent_to, inserted_at) FROM stdin;
1	1	\\\\x${'ab'.repeat(32)}	session	\\N	@@NOW@@
2	2	\\\\x${'cd'.repeat(32)}	session	\\N	2020-01-01 00:00:00
3	1	\\\\x${'ef'.repeat(32)}	confirm	ada@example.com	@@NOW@@
4	5	\\\\x${'0f'.repeat(32)}	session	\\N	@@NOW@@
\\.

ALTER TABLE ONLY public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
`

/** SQLite's \`.dump\`: passwords come before their users, and no statement names columns. */
export const betterAuthDump = `PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id"), "password" text, "scope" numeric(10,2) default 'a,b', unique("providerId","accountId"));
INSERT INTO account VALUES('a1','x','credential','Zk3Jt0QvUserOne','${BETTER}',NULL);
INSERT INTO account VALUES('a2','y','google','${UUIDS.bob}',NULL,'openid, email');
INSERT INTO account VALUES('a3','z','credential','gone','${BETTER}',NULL);
CREATE TABLE IF NOT EXISTS "session" ("id" text, "expiresAt" date not null, "token" text not null unique, "userId" text not null, "impersonatedBy" text);
INSERT INTO session VALUES('s1','2099-01-01T00:00:00.000Z','tokenOfUserOneTokenOfUserOne0001','Zk3Jt0QvUserOne',NULL);
INSERT INTO session VALUES('s2','2020-01-01T00:00:00.000Z','tokenOfUserOneTokenOfUserOne0002','Zk3Jt0QvUserOne',NULL);
INSERT INTO session VALUES('s3','2099-01-01T00:00:00.000Z','tokenOfBannedTokenOfBanned000003','${UUIDS.cyd}',NULL);
CREATE TABLE IF NOT EXISTS "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null, "banned" integer, "banExpires" date);
INSERT INTO "user" VALUES('Zk3Jt0QvUserOne','O''Brien; the one','one@example.com',1,NULL,'2024-05-01T12:00:00.000Z','2024-05-02T12:00:00.000Z',0,NULL);
INSERT INTO "user" VALUES('${UUIDS.bob}',replace('two\\nlines','\\n',char(10)),'Two@Example.com',0,NULL,1714564800000,1714564800000,0,NULL),('${UUIDS.cyd}','c','banned@example.com',1,NULL,1714564800000,1714564800000,1,NULL);
COMMIT;
`

export const supabaseDump = `SET standard_conforming_strings = on;
COPY public.users (id, email, encrypted_password) FROM stdin;
1	wrong-schema@example.com	x
\\.
INSERT INTO "auth"."users" ("instance_id", "id", "email", "encrypted_password", "email_confirmed_at", "raw_user_meta_data", "created_at", "banned_until", "deleted_at", "is_anonymous", "phone") VALUES
	('00000000-0000-0000-0000-000000000000', '${UUIDS.ada}', 'ada@example.com', '${BCRYPT}', '2024-01-02 03:04:05.678901+00', '{"full_name": "Ada (L), \\"A\\"; it''s"}', '2024-01-02 03:04:05+02', NULL, NULL, false, NULL),
	('00000000-0000-0000-0000-000000000000', '${UUIDS.bob}', 'bob@example.com', E'${BCRYPT}', NULL, '{}'::jsonb, '2024-01-02 03:04:05+00'::timestamp with time zone, '2999-01-01 00:00:00+00', NULL, false, NULL),
	('00000000-0000-0000-0000-000000000000', '11111111-aaaa-4bbb-8ccc-ddddeeeeffff', 'old@example.com', '', NULL, '{}', '2024-01-02 03:04:05+00', NULL, '2024-02-02 00:00:00+00', false, NULL),
	('00000000-0000-0000-0000-000000000000', '22222222-aaaa-4bbb-8ccc-ddddeeeeffff', NULL, NULL, NULL, '{}', '2024-01-02 03:04:05+00', NULL, NULL, true, NULL),
	('00000000-0000-0000-0000-000000000000', '33333333-aaaa-4bbb-8ccc-ddddeeeeffff', NULL, '${BCRYPT}', NULL, '{}', '2024-01-02 03:04:05+00', NULL, NULL, false, '49123')
ON CONFLICT DO NOTHING;
INSERT INTO "auth"."refresh_tokens" ("instance_id", "id", "token", "user_id", "revoked", "created_at", "updated_at", "parent", "session_id") VALUES
	('0', 1, 'oldTokenOfAda', '${UUIDS.ada}', true, '@@NOW@@', '@@NOW@@', NULL, 's'),
	('0', 2, 'newTokenOfAda', '${UUIDS.ada}', false, '@@NOW@@', '@@NOW@@', 'oldTokenOfAda', 's');
`

export const deviseMysql = `-- MySQL dump 10.13  Distrib 8.0.36
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS \`users\`;
CREATE TABLE \`users\` (
  \`id\` bigint NOT NULL AUTO_INCREMENT,
  \`email\` varchar(255) NOT NULL DEFAULT '',
  \`encrypted_password\` varchar(255) NOT NULL DEFAULT '' COMMENT 'it''s, secret',
  \`confirmed_at\` datetime(6) DEFAULT NULL,
  \`locked_at\` datetime DEFAULT NULL,
  \`bio\` text,
  \`balance\` decimal(10,2),
  \`created_at\` datetime(6) NOT NULL,
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`index_users_on_email\` (\`email\`)
) ENGINE=InnoDB;
INSERT INTO \`users\` VALUES (1,'ada@example.com','${BCRYPT}','2024-01-01 00:00:00.000000',NULL,'It\\'s; (me)\\nx',1.50,'2023-01-01 00:00:00.000000'),(2,'locked@example.com','${BCRYPT}',NULL,'2024-01-01 00:00:00','\\\\',0.00,'2023-01-02 00:00:00.000000'),(3,'','${BCRYPT}',NULL,NULL,NULL,NULL,'2023-01-02 00:00:00.000000');
`

export const deviseCsv = `\ufeffid;email;encrypted_password;confirmed_at;created_at;note\r
7;"Quote""d@example.com";${BCRYPT};;2023-01-01 00:00:00 UTC;"two\r
lines; and ""more"""\r
8;fine@example.com;;2024-01-01 00:00:00 UTC;2023-01-01 00:00:00 UTC;\r
9;extra@example.com;;;2023-01-01 00:00:00 UTC;x;y\r
`

export const authjsJson = JSON.stringify([
  { id: 'cl1', name: 'A', email: 'a@example.com', emailVerified: '2024-01-01T00:00:00.000Z', image: null },
  { id: 'cl2', name: '} ] "', email: 'b@example.com', emailVerified: null },
])

export const firebaseJson = JSON.stringify({
  users: [
    {
      localId: 'fb1',
      email: 'f@example.com',
      emailVerified: true,
      passwordHash: 'aGFzaA==',
      salt: 'c2FsdA==',
      createdAt: '1600000000000',
      providerUserInfo: [{ providerId: 'password' }],
    },
    { localId: 'fb2', email: 'off@example.com', disabled: true, createdAt: '1600000000000', providerUserInfo: [] },
  ],
})
