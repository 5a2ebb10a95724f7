#!/bin/sh
#
## Calomel.org .:. spamd_extend_whitelist.sh
#
for i in `spamdb | grep WHITE | awk -F "|" '{print $2}'`; do
 /usr/sbin/spamdb -a $i
done
