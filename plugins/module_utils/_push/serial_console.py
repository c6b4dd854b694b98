# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The hosts of the EC2 Serial Console and the fingerprints of their host keys, as AWS documents them. Pure.

Source: EC2 User Guide, "Connect to the EC2 Serial Console", the table "EC2 Serial Console endpoints and fingerprints",
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-to-serial-console.html. Read on 2026-11-26 in two stored
copies, which agree on every region that both have. ap-east-2 and ap-southeast-6 are in the newer copy alone.
The name of a host does not follow from its region: AWS uses two forms in its commercial regions. So a region that is
not in the table has no host here.
"""

from __future__ import annotations

from typing import NamedTuple


class SerialConsole(NamedTuple):
    """The serial console of a region: its host name, and the fingerprint of its host key as ssh prints it."""

    host: str
    fingerprint: str

    def ssh_command(self, instance_id: str, serial_port: int) -> str:
        """Return the command that opens the console of an instance. No word of it needs quotes."""
        return f"ssh {instance_id}.port{serial_port}@{self.host}"


SERIAL_CONSOLES: dict[str, SerialConsole] = {
    "af-south-1": SerialConsole(
        "ec2-serial-console.af-south-1.api.aws", "SHA256:RMWWZ2fVePeJUqzjO5jL2KIgXsczoHlz21Ed00biiWI"
    ),
    "ap-east-1": SerialConsole(
        "ec2-serial-console.ap-east-1.api.aws", "SHA256:T0Q1lpiXxChoZHplnAkjbP7tkm2xXViC9bJFsjYnifk"
    ),
    "ap-east-2": SerialConsole(
        "ec2-serial-console.ap-east-2.api.aws", "SHA256:z1rsF5DE8aQqsHwBr/D40tR2GnyMqnScCUa1z1eFwDQ"
    ),
    "ap-northeast-1": SerialConsole(
        "serial-console.ec2-instance-connect.ap-northeast-1.aws", "SHA256:RQfsDCZTOfQawewTRDV1t9Em/HMrFQe+CRlIOT5um4k"
    ),
    "ap-northeast-2": SerialConsole(
        "serial-console.ec2-instance-connect.ap-northeast-2.aws", "SHA256:FoqWXNX+DZ++GuNTztg9PK49WYMqBX+FrcZM2dSrqrI"
    ),
    "ap-northeast-3": SerialConsole(
        "ec2-serial-console.ap-northeast-3.api.aws", "SHA256:Am0/jiBKBnBuFnHr9aXsgEV3G8Tu/vVHFXE/3UcyjsQ"
    ),
    "ap-south-1": SerialConsole(
        "serial-console.ec2-instance-connect.ap-south-1.aws", "SHA256:oBLXcYmklqHHEbliARxEgH8IsO51rezTPiSM35BsU40"
    ),
    "ap-south-2": SerialConsole(
        "ec2-serial-console.ap-south-2.api.aws", "SHA256:WJgPBSwV4/shN+OPITValoewAuYj15DVW845JEhDKRs"
    ),
    "ap-southeast-1": SerialConsole(
        "serial-console.ec2-instance-connect.ap-southeast-1.aws", "SHA256:PLFNn7WnCQDHx3qmwLu1Gy/O8TUX7LQgZuaC6L45CoY"
    ),
    "ap-southeast-2": SerialConsole(
        "serial-console.ec2-instance-connect.ap-southeast-2.aws", "SHA256:yFvMwUK9lEUQjQTRoXXzuN+cW9/VSe9W984Cf5Tgzo4"
    ),
    "ap-southeast-3": SerialConsole(
        "ec2-serial-console.ap-southeast-3.api.aws", "SHA256:5ZwgrCh+lfns32XITqL/4O0zIfbx4bZgsYFqy3o8mIk"
    ),
    "ap-southeast-4": SerialConsole(
        "ec2-serial-console.ap-southeast-4.api.aws", "SHA256:Avaq27hFgLvjn5gTSShZ0oV7h90p0GG46wfOeT6ZJvM"
    ),
    "ap-southeast-5": SerialConsole(
        "ec2-serial-console.ap-southeast-5.api.aws", "SHA256:cQXTHQMRcqRdIjmAGoAMBSExeoRobYyRwT67yTjnEiA"
    ),
    "ap-southeast-6": SerialConsole(
        "ec2-serial-console.ap-southeast-6.api.aws", "SHA256:wNltdH0gVfM5uHJKjrw+ElFuKoJgalcSKqjCS+lLkv4"
    ),
    "ap-southeast-7": SerialConsole(
        "ec2-serial-console.ap-southeast-7.api.aws", "SHA256:KCAZiRYrR1Q2lqsg7vTwixWmvc2wmjVT31XRgSdEfDY"
    ),
    "ca-central-1": SerialConsole(
        "serial-console.ec2-instance-connect.ca-central-1.aws", "SHA256:P2O2jOZwmpMwkpO6YW738FIOTHdUTyEv2gczYMMO7s4"
    ),
    "ca-west-1": SerialConsole(
        "ec2-serial-console.ca-west-1.api.aws", "SHA256:s3rc8lI2xhbhr3iedjJNxGAFLPGOLjx7IxxXrGckk6Q"
    ),
    "cn-north-1": SerialConsole(
        "ec2-serial-console.cn-north-1.api.amazonwebservices.com.cn",
        "SHA256:2gHVFy4H7uU3+WaFUxD28v/ggMeqjvSlgngpgLgGT+Y",
    ),
    "cn-northwest-1": SerialConsole(
        "ec2-serial-console.cn-northwest-1.api.amazonwebservices.com.cn",
        "SHA256:TdgrNZkiQOdVfYEBUhO4SzUA09VWI5rYOZGTogpwmiM",
    ),
    "eu-central-1": SerialConsole(
        "serial-console.ec2-instance-connect.eu-central-1.aws", "SHA256:aCMFS/yIcOdOlkXvOl8AmZ1Toe+bBnrJJ3Fy0k0De2c"
    ),
    "eu-central-2": SerialConsole(
        "ec2-serial-console.eu-central-2.api.aws", "SHA256:8Ppx2mBMf6WdCw0NUlzKfwM4/IfRz4OaXFutQXWp6mk"
    ),
    "eu-north-1": SerialConsole(
        "serial-console.ec2-instance-connect.eu-north-1.aws", "SHA256:tkGFFUVUDvocDiGSS3Cu8Gdl6w2uI32EPNpKFKLwX84"
    ),
    "eu-south-1": SerialConsole(
        "ec2-serial-console.eu-south-1.api.aws", "SHA256:lC0kOVJnpgFyBVrxn0A7n99ecLbXSX95cuuS7X7QK30"
    ),
    "eu-south-2": SerialConsole(
        "ec2-serial-console.eu-south-2.api.aws", "SHA256:GoCW2DFRlu669QNxqFxEcsR6fZUz/4F4n7T45ZcwoEc"
    ),
    "eu-west-1": SerialConsole(
        "serial-console.ec2-instance-connect.eu-west-1.aws", "SHA256:h2AaGAWO4Hathhtm6ezs3Bj7udgUxi2qTrHjZAwCW6E"
    ),
    "eu-west-2": SerialConsole(
        "serial-console.ec2-instance-connect.eu-west-2.aws", "SHA256:a69rd5CE/AEG4Amm53I6lkD1ZPvS/BCV3tTPW2RnJg8"
    ),
    "eu-west-3": SerialConsole(
        "serial-console.ec2-instance-connect.eu-west-3.aws", "SHA256:q8ldnAf9pymeNe8BnFVngY3RPAr/kxswJUzfrlxeEWs"
    ),
    "il-central-1": SerialConsole(
        "ec2-serial-console.il-central-1.api.aws", "SHA256:JR6q8v6kNNPi8+QSFQ4dj5dimNmZPTgwgsM1SNvtYyU"
    ),
    "me-central-1": SerialConsole(
        "ec2-serial-console.me-central-1.api.aws", "SHA256:zpb5duKiBZ+l0dFwPeyykB4MPBYhI/XzXNeFSDKBvLE"
    ),
    "me-south-1": SerialConsole(
        "ec2-serial-console.me-south-1.api.aws", "SHA256:nPjLLKHu2QnLdUq2kVArsoK5xvPJOMRJKCBzCDqC3k8"
    ),
    "mx-central-1": SerialConsole(
        "ec2-serial-console.mx-central-1.api.aws", "SHA256:BCuVl13iQNk+CcVnt18Ef4p2ZHUrBBAOxlFetB32GS0"
    ),
    "sa-east-1": SerialConsole(
        "serial-console.ec2-instance-connect.sa-east-1.aws", "SHA256:rd2+/32Ognjew1yVIemENaQzC+Botbih62OqAPDq1dI"
    ),
    "us-east-1": SerialConsole(
        "serial-console.ec2-instance-connect.us-east-1.aws", "SHA256:dXwn5ma/xadVMeBZGEru5l2gx+yI5LDiJaLUcz0FMmw"
    ),
    "us-east-2": SerialConsole(
        "serial-console.ec2-instance-connect.us-east-2.aws", "SHA256:EhwPkTzRtTY7TRSzz26XbB0/HvV9jRM7mCZN0xw/d/0"
    ),
    "us-gov-east-1": SerialConsole(
        "serial-console.ec2-instance-connect.us-gov-east-1.amazonaws.com",
        "SHA256:tIwe19GWsoyLClrtvu38YEEh+DHIkqnDcZnmtebvF28",
    ),
    "us-gov-west-1": SerialConsole(
        "serial-console.ec2-instance-connect.us-gov-west-1.amazonaws.com",
        "SHA256:kfOFRWLaOZfB+utbd3bRf8OlPf8nGO2YZLqXZiIw5DQ",
    ),
    "us-west-1": SerialConsole(
        "serial-console.ec2-instance-connect.us-west-1.aws", "SHA256:OHldlcMET8u7QLSX3jmRTRAPFHVtqbyoLZBMUCqiH3Y"
    ),
    "us-west-2": SerialConsole(
        "serial-console.ec2-instance-connect.us-west-2.aws", "SHA256:EMCIe23TqKaBI6yGHainqZcMwqNkDhhAVHa1O2JxVUc"
    ),
}
