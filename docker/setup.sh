#!/bin/sh
# Makes docker/secrets for compose.yaml, once: passwords, the accounts of Redis, and a certificate to begin with.
# Usage: docker/setup.sh HOST, where HOST is the name that people will use.
set -eu
umask 077

host=${1:?usage: setup.sh HOST}
case $host in *[!A-Za-z0-9.-]*) echo "setup: $host is not a host name" >&2; exit 2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
out=${KIEM_SECRETS:-$here/secrets}
if [ -e "$out" ]; then
	echo "setup: $out is there already; remove it to begin anew (Redis and the nodes then need its new password)" >&2
	exit 1
fi
mkdir -p "$out/tls"

secret() { openssl rand -hex 32; }
redis=$(secret)
hash=$(printf %s "$redis" | openssl dgst -sha256 -r | cut -d' ' -f1)
sed "s/PASSWORD_SHA256/$hash/" "$here/users.acl" >"$out/users.acl"
cat >"$out/kiem.env" <<END
KIEM_REDIS=redis://kiem:$redis@redis:6379
KIEM_PUBLIC_URL=https://$host
KIEM_ADMIN_TOKEN=$(secret)
END
echo "GF_SECURITY_ADMIN_PASSWORD=$(secret)" >"$out/grafana.env"
# Signed by itself: browsers warn. Put the certificate, its chain and its key, in this order, into this one file instead.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=$host" \
	-addext "subjectAltName=DNS:$host" -keyout "$out/tls/key.pem" -out "$out/tls/cert.pem" 2>/dev/null
cat "$out/tls/cert.pem" "$out/tls/key.pem" >"$out/tls/kiem.pem"
rm "$out/tls/cert.pem" "$out/tls/key.pem"
# Read by programs that are not root in their containers; on this machine nobody else gets into the folder.
chmod 755 "$out/tls"
chmod 644 "$out/users.acl" "$out/tls/kiem.pem"
echo "made $out; the operator's token is in kiem.env"
