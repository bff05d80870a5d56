"""The goods that a market may sell: what they are called, where they come from, how long they keep."""

from __future__ import annotations

from typing import NamedTuple

CATEGORIES = (
    "fruit",
    "vegetables",
    "meat_eggs",
    "seafood",
    "dairy_bakery",
    "grains_oils",
    "snacks_drinks",
    "household",
)


class Good(NamedTuple):
    """One good before it is packed: `peak` is the day of the year of its season's height, 0 for none."""

    category: str
    subcategory: str
    name: str
    origin: str
    shelf_days: float
    price_per_kg: float
    peak: int
    heat: float
    popularity: float


GOODS: tuple[Good, ...] = (
    Good("fruit", "apples", "洛川苹果 Luochuan apples", "Shaanxi", 40, 9.0, 300, -0.1, 1.2),
    Good("vegetables", "leafy", "上海青 Bok choy", "Hubei", 4, 4.5, 0, 0.0, 1.6),
    Good("meat_eggs", "eggs", "鲜鸡蛋 Fresh eggs", "Hubei", 30, 10.5, 0, 0.0, 1.9),
    Good("dairy_bakery", "milk", "鲜牛奶 Fresh milk", "Shandong", 7, 12.0, 0, 0.0, 1.3),
    Good("grains_oils", "rice", "五常大米 Wuchang rice", "Heilongjiang", 300, 8.0, 0, 0.0, 1.1),
    Good("snacks_drinks", "drinks", "酸梅汤 Sour plum drink", "Henan", 180, 7.0, 200, 0.5, 0.9),
    Good("household", "paper", "抽纸 Tissue paper", "Guangdong", 1000, 14.0, 0, 0.0, 1.0),
    Good("seafood", "shrimp", "鲜活基围虾 Greasyback shrimp", "Guangdong", 3, 62.0, 0, 0.0, 0.6),
    Good("fruit", "apples", "嘎啦苹果 Gala apples", "Shaanxi", 28, 8.0, 230, 0.0, 1.0),
    Good("fruit", "apples", "烟台富士 Yantai Fuji apples", "Shandong", 45, 9.5, 310, -0.1, 0.9),
    Good("fruit", "citrus", "赣南脐橙 Gannan navel oranges", "Jiangxi", 30, 8.5, 345, -0.2, 1.2),
    Good("fruit", "citrus", "沃柑 Wogan mandarins", "Guangxi", 25, 8.0, 50, -0.2, 1.1),
    Good("fruit", "citrus", "宜昌蜜桔 Yichang tangerines", "Hubei", 18, 5.5, 305, -0.1, 0.8),
    Good("fruit", "berries", "丹东草莓 Dandong strawberries", "Liaoning", 3, 45.0, 30, -0.2, 0.8),
    Good("fruit", "berries", "云南蓝莓 Yunnan blueberries", "Yunnan", 6, 80.0, 90, 0.0, 0.5),
    Good("fruit", "grapes", "阳光玫瑰 Shine muscat grapes", "Yunnan", 9, 22.0, 235, 0.1, 0.8),
    Good("fruit", "melons", "麒麟西瓜 Kylin watermelon", "Hainan", 12, 5.0, 190, 0.7, 1.2),
    Good("fruit", "melons", "哈密瓜 Hami melon", "Xinjiang", 15, 8.0, 215, 0.4, 0.7),
    Good("fruit", "bananas", "高州香蕉 Gaozhou bananas", "Guangdong", 7, 6.0, 0, 0.1, 1.1),
    Good("fruit", "stone_fruit", "阳山水蜜桃 Yangshan peaches", "Jiangsu", 4, 20.0, 195, 0.2, 0.6),
    Good("fruit", "stone_fruit", "车厘子 Cherries", "Shandong", 7, 60.0, 155, 0.0, 0.5),
    Good("fruit", "tropical", "广东荔枝 Guangdong lychees", "Guangdong", 4, 22.0, 170, 0.3, 0.7),
    Good("fruit", "tropical", "海南芒果 Hainan mangoes", "Hainan", 7, 12.0, 130, 0.2, 0.8),
    Good("vegetables", "leafy", "菠菜 Spinach", "Shandong", 4, 6.0, 350, -0.1, 1.2),
    Good("vegetables", "leafy", "生菜 Lettuce", "Hunan", 4, 6.5, 0, 0.2, 1.1),
    Good("vegetables", "leafy", "大白菜 Napa cabbage", "Shandong", 15, 2.5, 330, -0.3, 1.2),
    Good("vegetables", "fruiting", "番茄 Tomatoes", "Shandong", 8, 6.5, 0, 0.1, 1.5),
    Good("vegetables", "fruiting", "黄瓜 Cucumbers", "Shandong", 6, 5.0, 0, 0.3, 1.4),
    Good("vegetables", "fruiting", "茄子 Aubergines", "Henan", 7, 5.0, 200, 0.1, 0.9),
    Good("vegetables", "fruiting", "线椒 Long peppers", "Hunan", 8, 9.0, 0, 0.0, 1.0),
    Good("vegetables", "roots", "土豆 Potatoes", "Henan", 30, 3.5, 0, -0.1, 1.4),
    Good("vegetables", "roots", "胡萝卜 Carrots", "Fujian", 20, 4.0, 0, 0.0, 1.0),
    Good("vegetables", "roots", "洪湖莲藕 Honghu lotus root", "Hubei", 10, 9.0, 310, -0.3, 0.8),
    Good("vegetables", "mushrooms", "香菇 Shiitake", "Henan", 6, 14.0, 0, -0.1, 0.8),
    Good("vegetables", "mushrooms", "金针菇 Enoki", "Fujian", 9, 9.0, 0, -0.3, 0.9),
    Good("meat_eggs", "pork", "五花肉 Pork belly", "Sichuan", 3, 32.0, 0, -0.1, 1.3),
    Good("meat_eggs", "pork", "猪排骨 Pork ribs", "Henan", 3, 45.0, 0, -0.1, 1.0),
    Good("meat_eggs", "poultry", "三黄鸡 Three-yellow chicken", "Guangxi", 4, 26.0, 0, -0.1, 0.9),
    Good("meat_eggs", "poultry", "鸭翅 Duck wings", "Shandong", 6, 24.0, 0, 0.2, 0.7),
    Good("meat_eggs", "beef_lamb", "肥牛卷 Beef rolls", "Inner Mongolia", 60, 58.0, 350, -0.4, 0.8),
    Good("meat_eggs", "beef_lamb", "羊肉卷 Lamb rolls", "Inner Mongolia", 60, 62.0, 350, -0.5, 0.6),
    Good("meat_eggs", "eggs", "咸鸭蛋 Salted duck eggs", "Jiangsu", 60, 18.0, 165, 0.0, 0.7),
    Good("seafood", "fish", "草鱼段 Grass carp", "Hubei", 3, 22.0, 0, 0.0, 0.8),
    Good("seafood", "fish", "带鱼段 Hairtail", "Zhejiang", 30, 36.0, 330, -0.1, 0.7),
    Good("seafood", "shrimp", "小龙虾 Crayfish", "Hubei", 3, 48.0, 175, 0.4, 0.8),
    Good("seafood", "shellfish", "花甲 Clams", "Fujian", 2, 18.0, 0, 0.2, 0.6),
    Good("seafood", "crab", "大闸蟹 Hairy crabs", "Jiangsu", 3, 90.0, 290, 0.0, 0.4),
    Good("dairy_bakery", "milk", "纯牛奶 UHT milk", "Inner Mongolia", 150, 11.0, 0, 0.0, 1.3),
    Good("dairy_bakery", "yoghurt", "原味酸奶 Plain yoghurt", "Shandong", 18, 14.0, 0, 0.3, 1.1),
    Good("dairy_bakery", "bakery", "吐司面包 Toast bread", "Hubei", 5, 18.0, 0, 0.0, 1.1),
    Good("dairy_bakery", "bakery", "手工馒头 Steamed buns", "Henan", 4, 9.0, 0, 0.0, 1.0),
    Good("dairy_bakery", "mooncakes", "广式月饼 Cantonese mooncakes", "Guangdong", 60, 48.0, 0, 0.0, 0.3),
    Good("dairy_bakery", "rice_dumplings", "嘉兴粽子 Jiaxing rice dumplings", "Zhejiang", 90, 32.0, 0, 0.0, 0.4),
    Good("grains_oils", "rice", "盘锦大米 Panjin rice", "Liaoning", 300, 7.0, 0, 0.0, 0.9),
    Good("grains_oils", "flour", "雪花面粉 Snow flour", "Henan", 240, 5.5, 0, 0.0, 0.7),
    Good("grains_oils", "noodles", "柳州螺蛳粉 Liuzhou rice noodles", "Guangxi", 180, 26.0, 0, 0.0, 0.9),
    Good("grains_oils", "oil", "菜籽油 Rapeseed oil", "Sichuan", 500, 14.0, 0, 0.0, 0.9),
    Good("grains_oils", "oil", "花生油 Peanut oil", "Shandong", 500, 22.0, 0, 0.0, 0.8),
    Good("grains_oils", "sauces", "郫县豆瓣 Pixian bean paste", "Sichuan", 500, 18.0, 0, 0.0, 0.6),
    Good("snacks_drinks", "drinks", "椰子水 Coconut water", "Hainan", 240, 12.0, 200, 0.6, 0.8),
    Good("snacks_drinks", "drinks", "绿茶饮料 Green tea drink", "Zhejiang", 270, 6.0, 200, 0.5, 1.0),
    Good("snacks_drinks", "nuts", "炒瓜子 Roasted sunflower seeds", "Inner Mongolia", 200, 28.0, 20, -0.1, 0.8),
    Good("snacks_drinks", "nuts", "混合坚果 Mixed nuts", "Zhejiang", 200, 70.0, 20, -0.1, 0.6),
    Good("snacks_drinks", "snacks", "辣条 Spicy gluten strips", "Hunan", 150, 24.0, 0, 0.0, 0.9),
    Good("snacks_drinks", "ice", "雪糕 Ice cream bars", "Inner Mongolia", 300, 30.0, 200, 1.2, 0.7),
    Good("household", "cleaning", "洗衣液 Laundry liquid", "Guangdong", 1000, 9.0, 0, 0.0, 0.9),
    Good("household", "cleaning", "洗洁精 Dish soap", "Zhejiang", 1000, 7.0, 0, 0.0, 0.8),
    Good("household", "kitchen", "保鲜袋 Freezer bags", "Zhejiang", 1000, 30.0, 0, 0.0, 0.6),
    Good("household", "repellent", "蚊香液 Mosquito repellent", "Guangdong", 1000, 60.0, 200, 0.6, 0.5),
)
