#!/bin/sh
#
## Calomel.org spamd_whitelist.sh
#
FILE=spamd-spf.txt
rm -f $FILE
touch $FILE

### This first list are for domains who have SPF records.
for domain in \
aol.com \
apple.com \
amazon.com \
s._spf.ebay.com \
m._spf.ebay.com \
p._spf.ebay.com \
p2._spf.ebay.com \
c._spf.ebay.com \
gmx.net \
_spf.google.com \
spf-a.hotmail.com \
spf-b.hotmail.com \
spf-c.hotmail.com \
spf-d.hotmail.com \
_spf-a.microsoft.com \
_spf-b.microsoft.com \
_spf-c.microsoft.com \
southwest.com
do
echo \#$domain >> $FILE;
dig $domain TXT +short | tr "\ " "\n" | grep ^ip4: | cut -d: -f2 >> $FILE;
done

### This second list is for domains you specifically want to allow
### that may not be publicly available or do not have SPF records.
echo \#privatelist >> $FILE;
for privatelist in \
10.0.0.0/8 \
127.0.0.0/8 \
172.16.0.0/12 \
192.168.0.0/16
do
echo $privatelist >> $FILE;
done
