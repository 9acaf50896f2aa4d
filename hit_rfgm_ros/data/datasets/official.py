"""Which sequences make up a data set, where its download does not say so in a file.

The names are those of the benchmarks' toolkits. A copy that lacks one of them is not the data set,
and an average over what is left would be another number.
"""

from __future__ import annotations

# Wu, Lim, Yang, PAMI 2015: 98 videos, two of them with two targets; of Human4 the second counts.
_OTB100 = """
Basketball Biker Bird1 Bird2 BlurBody BlurCar1 BlurCar2 BlurCar3 BlurCar4 BlurFace BlurOwl
Board Bolt Bolt2 Box Boy Car1 Car2 Car24 Car4 CarDark CarScale ClifBar Coke Couple Coupon
Crossing Crowds Dancer Dancer2 David David2 David3 Deer Diving Dog Dog1 Doll DragonBaby Dudek
FaceOcc1 FaceOcc2 Fish FleetFace Football Football1 Freeman1 Freeman3 Freeman4 Girl Girl2 Gym
Human2 Human3 Human4-2 Human5 Human6 Human7 Human8 Human9 Ironman Jogging-1 Jogging-2 Jump
Jumping KiteSurf Lemming Liquor Man Matrix Mhyang MotorRolling MountainBike Panda RedTeam Rubik
Shaking Singer1 Singer2 Skater Skater2 Skating1 Skating2-1 Skating2-2 Skiing Soccer Subway
Surfer Suv Sylvester Tiger1 Tiger2 Toy Trans Trellis Twinnings Vase Walking Walking2 Woman
"""

# Kiani Galoogahi and others, ICCV 2017: 100 videos. "footbal_skill" is spelt like that there.
_NFS = """
Gymnastics MachLoop_jet Skiing_red Skydiving airboard_1 airplane_landing airtable_3
basketball_1 basketball_2 basketball_3 basketball_6 basketball_7 basketball_player
basketball_player_2 beach_flipback_person bee biker_acrobat biker_all_1 biker_head_2
biker_head_3 biker_upper_body biker_whole_body billiard_2 billiard_3 billiard_6 billiard_7
billiard_8 bird_2 book bottle bowling_1 bowling_2 bowling_3 bowling_6 bowling_ball bunny car
car_camaro car_drifting car_jumping car_rc_rolling car_rc_rotating car_side car_white cheetah
cup cup_2 dog dog_1 dog_2 dog_3 dogs dollar drone ducks_lake exit first flower footbal_skill
helicopter horse_jumping horse_running iceskating_6 jellyfish_5 kid_swing motorcross
motorcross_kawasaki parkour person_scooter pingpong_2 pingpong_7 pingpong_8 purse rubber
running running_100_m running_100_m_2 running_2 shuffleboard_1 shuffleboard_2 shuffleboard_4
shuffleboard_5 shuffleboard_6 shuffletable_2 shuffletable_3 shuffletable_4 ski_long soccer_ball
soccer_ball_2 soccer_ball_3 soccer_player_2 soccer_player_3 stop_sign suv tiger walking
walking_3 water_ski_2 yoyo zebra_fish
"""

# Fan and others, CVPR 2019, protocol II: four of the twenty videos of each of 70 classes.
_LASOT_TEST = """
airplane 1 9 13 15, basketball 1 6 7 11, bear 2 4 6 17, bicycle 2 7 9 18, bird 2 3 15 17,
boat 3 4 12 17, book 3 10 11 19, bottle 1 12 14 18, bus 2 5 17 19, car 2 6 9 17, cat 1 3 18 20,
cattle 2 7 12 13, chameleon 3 6 11 20, coin 3 6 7 18, crab 3 6 12 18, crocodile 3 4 10 14,
cup 1 4 7 17, deer 4 8 10 14, dog 1 7 15 19, drone 2 7 13 15, electricfan 1 10 18 20,
elephant 1 12 16 18, flag 2 3 5 9, fox 2 3 5 20, frog 3 4 9 20, gametarget 1 2 7 13,
gecko 1 5 16 19, giraffe 2 10 13 15, goldfish 3 7 8 10, gorilla 4 6 9 13, guitar 3 8 10 16,
hand 2 3 9 16, hat 1 2 5 18, helmet 5 11 13 19, hippo 1 7 9 20, horse 1 4 12 15,
kangaroo 2 5 11 14, kite 4 6 10 15, leopard 1 7 16 20, licenseplate 6 12 13 15, lion 1 5 12 20,
lizard 1 3 6 13, microphone 2 6 14 16, monkey 3 4 9 17, motorcycle 1 3 9 18, mouse 1 8 9 17,
person 1 5 10 12, pig 2 10 13 18, pool 3 7 12 15, rabbit 10 13 17 19, racing 10 15 16 20,
robot 1 5 8 19, rubicCube 1 6 14 19, sepia 6 8 13 16, shark 2 3 5 6, sheep 3 5 7 9,
skateboard 3 8 16 19, spider 14 16 18 20, squirrel 8 11 13 19, surfboard 4 5 8 12,
swing 10 14 17 20, tank 6 9 14 16, tiger 4 6 12 18, train 1 7 11 20, truck 3 6 7 16,
turtle 5 8 9 16, umbrella 2 9 17 19, volleyball 1 13 18 19, yoyo 7 15 17 19, zebra 10 14 16 17
"""

# Fan and others, IJCV 2021: ten videos of each of 15 further classes.
_LASOT_EXT = """
atv badminton cosplay dancingshoe footbag frisbee jianzi lantern misc opossum paddle raccoon rhino
skatingshoe wingsuit
"""

OTB100 = tuple(_OTB100.split())
NFS = tuple(_NFS.split())


def lasot_test() -> tuple[str, ...]:
    """Names of LaSOT's 280 test sequences."""
    names = []
    for entry in _LASOT_TEST.split(','):
        category, *numbers = entry.split()
        names += [f'{category}-{number}' for number in numbers]
    return tuple(names)


def lasot_ext() -> tuple[str, ...]:
    """Names of the 150 sequences of LaSOT-ext."""
    return tuple(f'{name}-{number}' for name in _LASOT_EXT.split() for number in range(1, 11))
